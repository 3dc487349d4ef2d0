"""The two classes."""

CLASS_NAMES = ("hem", "all")
"""In the order of the model's outputs: the label is the index. ALL is the positive class."""
