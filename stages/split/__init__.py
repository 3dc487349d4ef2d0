"""Divide the cells into train, val and test, and report what leaks between them."""
