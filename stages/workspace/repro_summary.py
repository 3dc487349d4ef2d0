"""Summarise the workspace after `dvc repro`: data, test metrics, and where the outputs are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from stages.common.standard_streams import print_in_any_encoding

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
    parts = [part for part in ("test", "external") if part in report]
    lines = [f"Data: {report['data']}", ""]
    lines.append(" " * 18 + "".join(f"{part:>12}" for part in parts))
    for name in ("cells", *METRICS):
        values = "".join(f"{_figure(report[part][name]):>12}" for part in parts)
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


if __name__ == "__main__":
    print_in_any_encoding()
    print(summary(json.loads(Path("metrics/test.json").read_text(encoding="utf-8"))))
