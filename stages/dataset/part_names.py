"""The names that folders and tables have for the parts of a split."""

PART_NAMES = {
    "train": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
}
"""The part that each name stands for. Upper and lower case do not matter."""

TAKEN_NAMES = {
    *PART_NAMES,
    *("external", "training"),
    *("strategy", "deviation_points", "test_cells_known_by", "leakage", "near_identical_pairs"),
    *("data", "warnings", "threshold", "target_sensitivity", "operating_threshold"),
    *("temperature", "undefined"),
}
"""Names that no external set may have: those of parts, and the keys of metrics/split.json and
metrics/test.json, which have a section with the name of each set."""
