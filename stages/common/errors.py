"""The error for what the user can mend."""


class StageError(ValueError):
    """What was given, what was expected, where, and how to mend it, in one line."""
