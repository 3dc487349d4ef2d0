"""The error that the user can fix."""


class StageError(ValueError):
    """The message is one line: what was given, what was expected, where, and how to fix it."""
