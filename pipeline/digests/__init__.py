"""What the source of a stage says, in lines that change only where something that runs does."""
