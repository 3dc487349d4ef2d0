"""Check and summarise the workspace. Used by `make`; not a DVC stage."""
