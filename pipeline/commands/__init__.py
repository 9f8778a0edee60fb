"""Commands beside the stages: compose and check the values, and others."""
