"""Compute metrics, intervals and curves from predictions."""
