"""How a stage is run: its values, its command line, where its files go."""
