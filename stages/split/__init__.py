"""Divide the cells into train, val and test, and report the leakage between them."""
