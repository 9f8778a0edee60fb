"""How a stage is started, swept and stopped: none of it can change a result."""
