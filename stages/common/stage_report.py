"""Read the JSON report of an earlier stage."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stages.common.errors import StageError

_JSON_NAMES = {bool: "boolean", dict: "object", int: "number", str: "string"}


def read_report(
    path: Path, *, made_by: str, needs: Mapping[str, type] | None = None
) -> dict[str, Any]:
    """Read the JSON report of the stage `made_by`; check the keys and types in `needs`.

    Raises:
        StageError: if it is missing, not a JSON object, lacks a key, or a value has another type.
    """
    remedy = f"make it again with `dvc repro --force --single-item {made_by}`"
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StageError(f"{path} cannot be read ({error}); {remedy}") from error
    if not isinstance(report, dict):
        raise StageError(f"{path} holds a {type(report).__name__}, expected an object; {remedy}")
    for key, kind in (needs or {}).items():
        if not isinstance(report.get(key), kind):
            found = f"has {key}: {report[key]!r}" if key in report else f"lacks {key}"
            raise StageError(f"{path} {found}; expected a JSON {_JSON_NAMES[kind]}; {remedy}")
    return report
