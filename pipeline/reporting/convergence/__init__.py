"""The error of attribution's own integral."""
