"""Helpers that all stages share."""
