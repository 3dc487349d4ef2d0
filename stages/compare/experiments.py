"""Show DVC experiments in the width of a terminal: changed parameters and test metrics.

    python -m stages.compare.experiments

`dvc exp show` has more than 300 columns: one for every parameter and every metric.
"""

from __future__ import annotations

from stages.common.missing_package import explain_missing_packages

if __name__ == "__main__":
    explain_missing_packages()

import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from tabulate import tabulate

from stages.common.command_entry import command
from stages.common.dvc_errors import dvc_errors
from stages.common.git_commands import head_commit
from stages.compare.figure_text import figure
from stages.dataset.cell_table import PRELIMINARY

METRICS = ("accuracy", "roc_auc", "log_loss")
"""Of the test cells; of each set in download.external there is EXTERNAL_METRIC."""

OUT_OF_FOLD = "out_of_fold.accuracy"
"""Of the cross-validation, where any row has it: mean ± standard deviation over its seeds."""

DEVIATION = "out_of_fold.standard_deviation.accuracy"

EXTERNAL_METRIC = "roc_auc"

_PARAMETER = re.compile(r"profile|(model|profiles|cross_validation)\..+")
_OF_PART = re.compile(rf"([A-Za-z][\w-]*)\.{EXTERNAL_METRIC}", re.ASCII)
_PREFIX = re.compile(r"profiles\.[^.]+\.")

Row = Mapping[str, Any]


def table(rows: Sequence[Row]) -> str:
    """Format rows of `dvc.api.exp_show`: one row per experiment, one line per changed parameter.

    The changes are relative to the commit that the experiment started from. The workspace has its
    own row, with its changes since that commit.
    """
    base: Row = {}
    lines = []
    sets = _external_sets(rows)
    folds = ["out of fold\naccuracy"] * any(
        _number(row.get(OUT_OF_FOLD)) is not None for row in rows
    )
    for row in sorted(rows, key=lambda row: row["rev"] == "workspace"):
        if row["typ"] == "baseline" and row["rev"] != "workspace":
            base = row
        lines.append(
            [
                _name(row),
                "\n".join(changes(base, row)),
                *(figure(_number(row.get(f"test.{name}"))) for name in METRICS),
                *(_out_of_fold(row) for _ in folds),
                *(figure(_number(row.get(f"{name}.{EXTERNAL_METRIC}"))) for name in sets),
            ]
        )
    external = [f"{EXTERNAL_METRIC}\n{name}".replace("_", " ", 1) for name in sets]
    figures = [*(name.replace("_", " ") for name in METRICS), *folds, *external]
    headers = ["experiment", "changed", *figures]
    align = ["left", "left", *["right"] * len(figures)]
    text: str = tabulate(lines, headers, tablefmt="simple", disable_numparse=True, colalign=align)
    return text


def _external_sets(rows: Sequence[Row]) -> list[str]:
    """Return the names of the sets of download.external that any row has figures of."""
    found = {match[1] for row in rows for key in row if (match := _OF_PART.fullmatch(key))}
    return sorted(found - {"test", "validation", "out_of_fold", PRELIMINARY})


def _out_of_fold(row: Row) -> str:
    """Format the mean over seeds, and their standard deviation where there are several."""
    mean, deviation = _number(row.get(OUT_OF_FOLD)), _number(row.get(DEVIATION))
    return figure(mean) if deviation is None else f"{figure(mean)} ± {figure(deviation)}"


def changes(base: Row, row: Row) -> list[str]:
    """Return the parameters of `row` that differ from those of `base`, each with its value."""
    return [
        f"{_PREFIX.sub('', name)}={_value(row[name])}"
        for name in row
        if _PARAMETER.fullmatch(name) and row[name] is not None and row[name] != base.get(name)
    ]


def read_experiments() -> list[dict[str, Any]]:
    """Read the current commit, its experiments and the workspace from DVC.

    Raises:
        StageError: if this is not a DVC project in git, or nothing is committed.
    """
    import dvc.api  # takes a second or two

    head_commit()
    with dvc_errors("DVC cannot list the experiments", remedy="run this where dvc.yaml is"):
        rows: list[dict[str, Any]] = dvc.api.exp_show()
    return rows


@command("experiments")
def main() -> int:
    """Print the table, and return the exit code: 0, or 2 after an error."""
    print(table(read_experiments()))
    return 0


def _name(row: Row) -> str:
    name = str(row["Experiment"] or row["rev"])
    state = row.get("State")
    return name if state in (None, "Success") else f"{name} ({str(state).lower()})"


def _number(value: Any) -> float | None:
    """Return a metric: DVC's API gives "None" for null, and "!" for a file that it cannot read."""
    return value if isinstance(value, int | float) else None


def _value(value: Any) -> str:
    """Format a parameter as in params.yaml: DVC's API gives 2.0 for 2, and "None" for null."""
    if isinstance(value, float) and value.is_integer():
        return f"{value:.0f}"
    return {"None": "null", "True": "true", "False": "false"}.get(value, str(value))


if __name__ == "__main__":
    sys.exit(main())
