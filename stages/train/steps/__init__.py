"""The training step, and the callbacks between steps."""
