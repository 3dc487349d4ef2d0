"""The names that folders and tables have for the parts of a split."""

PART_NAMES = {
    "train": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
}
"""The part that each name stands for. Upper and lower case do not matter."""
