"""What stands in the workspace: used by `make`, no DVC stage."""
