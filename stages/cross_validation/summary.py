"""Summarise a cross-validation, beside the single split where it is measured.

python -m stages.cross_validation.summary
"""

from __future__ import annotations

from stages.common.missing_package import explain_missing_packages

if __name__ == "__main__":
    explain_missing_packages()

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tabulate import tabulate

from stages.common.command_entry import command
from stages.common.errors import StageError
from stages.report.formatting import as_figure

RESULTS = Path("cross_validation/metrics/out_of_fold.json")
SINGLE_SPLIT = Path("metrics/test.json")

METRICS = ("accuracy", "balanced_accuracy", "sensitivity", "specificity", "roc_auc", "log_loss")


def summary(results: Mapping[str, Any], single: Mapping[str, Any]) -> str:
    """Return the lines for the content of out_of_fold.json, and of metrics/test.json if any.

    The single split stands beside it where it is of the same data.
    """
    single = single if single.get("data") == results["data"] else {}
    seeds = results["by_seed"]
    lines = [
        f"Data: {results['data']}. {len(results['folds'])} folds by {results['strategy']}, seeds "
        f"{', '.join(map(str, results['seeds']))}: {len(results['members'])} models",
        "",
        _table(
            ["out of fold", *(name.replace("_", " ") for name in seeds), "single split"],
            {
                name: [
                    _mean(results["out_of_fold"], name),
                    *(as_figure(measured.get(name)) for measured in seeds.values()),
                    as_figure(single.get("test", {}).get(name)),
                ]
                for name in ("cells", "subjects", *METRICS)
            },
        ),
    ]
    for part, measured in results["external"].items():
        lines += ["", f"External set {part}:", "", _external(measured, single.get(part, {}))]
    for warning in results["warnings"]:
        lines += ["", f"Mind: {warning}"]
    lines += [
        "",
        "Models   cross_validation/members/, together in models/ensemble.keras",
        "Metrics  cross_validation/metrics/*.json, cross_validation/metrics/*.csv",
        "Report   cross_validation/metrics/report.html (open it in a browser)",
    ]
    return "\n".join(lines)


def _external(measured: Mapping[str, Any], single: Mapping[str, Any]) -> str:
    members = measured["members"]
    return _table(
        ["ensemble", "members", "single split"],
        {
            name: [
                as_figure(measured["ensemble"].get(name)),
                f"{as_figure(members[name]['mean'])} ± "
                f"{as_figure(members[name]['standard_deviation'])}",
                as_figure(single.get(name)),
            ]
            for name in METRICS
            if name in members
        },
    )


def _table(columns: list[str], rows: Mapping[str, list[str]]) -> str:
    text: str = tabulate(
        [[name.replace("_", " "), *values] for name, values in rows.items()],
        headers=["", *columns],
        tablefmt="simple",
        disable_numparse=True,
        colalign=["left", *["right"] * len(columns)],
    )
    return text


def _mean(mean: Mapping[str, Any], name: str) -> str:
    deviation = mean.get("standard_deviation", {}).get(name)
    spread = "" if deviation is None else f" ± {as_figure(deviation)}"
    return as_figure(mean.get(name)) + spread


@command("cross-validate")
def main() -> int:
    """Print the summary, and return the exit code: 0, or 2 after an error."""
    try:
        results = json.loads(RESULTS.read_text(encoding="utf-8"))
        single = json.loads(SINGLE_SPLIT.read_text("utf-8")) if SINGLE_SPLIT.exists() else {}
        text = summary(results, single)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StageError(
            f"{RESULTS} is not as out_of_fold writes it ({error}); make it again with `dvc repro "
            "cross_validation/dvc.yaml`"
        ) from error
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
