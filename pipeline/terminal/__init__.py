"""What a person at a terminal reads: progress, errors, help, listings. Below everything else; changes no result."""
