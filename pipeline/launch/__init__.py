"""How a stage is started, tracked, swept and stopped: none of it can change a result."""
