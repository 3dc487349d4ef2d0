"""Cross-validation: each subject tested once, by models that have not seen it."""
