"""Why a row misses its target, and what was tried; said only while it does."""

from __future__ import annotations

REASONS: dict[tuple[str, str], str] = {}
"""By part and against, without a full stop."""
