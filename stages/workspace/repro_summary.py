"""Summarise the workspace after `dvc repro`: data, test metrics, and where the outputs are."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from stages.common.command_entry import command
from stages.common.errors import StageError
from stages.dataset.part_names import measured_parts

RESULTS = Path("metrics/test.json")

METRICS = (
    "accuracy",
    "balanced_accuracy",
    "sensitivity",
    "specificity",
    "weighted_f1",
    "roc_auc",
)


def summary(report: dict[str, Any]) -> str:
    """Return the lines for the content of metrics/test.json."""
    parts = measured_parts(report)
    width = max(12, *(len(part) + 2 for part in parts))
    lines = [f"Data: {report['data']}", ""]
    lines.append(" " * 18 + "".join(f"{part:>{width}}" for part in parts))
    for name in ("cells", *METRICS):
        values = "".join(f"{_figure(report[part][name]):>{width}}" for part in parts)
        lines.append(f"{name.replace('_', ' '):18}{values}")
    for warning in report["warnings"]:
        lines += ["", f"Mind: {warning}"]
    lines += [
        "",
        "Model    models/model.keras",
        "Metrics  metrics/*.json, metrics/*.csv",
        "Report   metrics/report.html (open it in a browser)",
    ]
    return "\n".join(lines)


def _figure(value: float | None) -> str:
    if value is None:
        return "undefined"
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}"


@command("repro")
def main() -> int:
    """Print the summary, and return the exit code: 0, or 2 after an error."""
    try:
        text = summary(json.loads(RESULTS.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StageError(
            f"{RESULTS} is not as evaluate writes it ({error}); make it again with `dvc repro`"
        ) from error
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
