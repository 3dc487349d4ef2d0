"""Write a Markdown report of the changes of a pull request, with plots as PNG files.

    python -m stages.compare.pr_report main pr-report

It compares the workspace with a revision and writes pr-report/report.md. Everything comes from git:
nothing is pulled, and nothing is fetched from the network.
"""

from __future__ import annotations

from stages.common.missing_package import explain_missing_packages

if __name__ == "__main__":
    explain_missing_packages()

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stages.common.command_entry import command
from stages.common.errors import StageError
from stages.common.files import atomic_path, write_text
from stages.common.git_commands import conflicts, settle
from stages.compare.compared_parts import compare_part
from stages.compare.comparison_text import comparison_text
from stages.compare.cross_validations import OUT_OF_FOLD, has_cross_validation
from stages.compare.revisions import RESULTS, find_revision
from stages.dataset.part_names import measured_parts

PRECISION = 8
"""Decimals, as many as the metrics have. DVC's 5 would show a change of 0.000001 as 0.0."""


@command("pr-report")
def main(arguments: Sequence[str] | None = None) -> int:
    """Write the report; return the exit code: 0, or 2 after an error."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.compare.pr_report",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("base", help="branch, tag or commit to compare with")
    parser.add_argument("folder", type=Path, help="where to write; what is there is replaced")
    options = parser.parse_args(arguments)
    print(write_report(options.base, options.folder))
    return 0


def write_report(base: str, folder: Path) -> Path:
    """Write report.md and its plots into the folder, and return the path of report.md.

    Raises:
        StageError: if DVC cannot compare with `base`, or a merge is not settled.
    """
    find_revision(base)  # says what may be given
    if unsettled := conflicts():
        raise StageError(settle(unsettled))
    parameters = _rows(_dvc("params", "diff", base, "--md"))
    metrics = _rows(_dvc("metrics", "diff", base, "--md", "--precision", str(PRECISION)))
    plots = _charts(_dvc("plots", "diff", base, "--json"))
    sections = {
        f"What changes against {base}": "\n\n".join(
            [_comparison(base), *_out_of_fold(base), *_on_external_sets(base)]
        ),
        "Parameters": parameters or "None differs.",
        "Metrics": _folded("Every figure that differs", metrics) if metrics else "None differs.",
        "Plots": "\n".join(f"![{_title(chart)}]({name}.png)" for name, chart in plots.items()),
    }
    text = "\n\n".join(f"## {heading}\n\n{body}" for heading, body in sections.items())
    with atomic_path(folder) as made:
        made.mkdir()
        for name, chart in plots.items():
            (made / f"{name}.png").write_bytes(_png(chart))
        write_text(f"{text}\n", made / "report.md")
    return folder / "report.md"


def _out_of_fold(base: str) -> list[str]:
    """Compare the cross-validations, folded, where both sides have one."""
    if not all(has_cross_validation(side) for side in (base, None)):
        return []
    return [_folded("On every cell, out of fold", _comparison(base, part=OUT_OF_FOLD))]


def _on_external_sets(base: str) -> list[str]:
    """Compare on each external set of the workspace, folded."""
    content = Path(RESULTS).read_text(encoding="utf-8") if Path(RESULTS).exists() else "{}"
    names = [name for name in measured_parts(json.loads(content)) if name != "test"]
    return [_folded(f"On the cells of {name}", _comparison(base, part=name)) for name in names]


def _comparison(base: str, *, part: str = "test") -> str:
    """Compare the workspace with `base`, with intervals, or return why that is impossible."""
    try:
        found = compare_part(base, None, part=part, common=False)
    except StageError as error:
        return f"No comparison with intervals: {error}"
    return comparison_text(found, markdown=True)


def _dvc(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise StageError(
            f"`dvc {' '.join(arguments)}` failed ({' '.join(done.stderr.split())}); "
            "`dvc status` should end without error"
        )
    return done.stdout.strip()


def _rows(table: str) -> str:
    """Return the table, or an empty text if it has only a heading."""
    return table if len(table.splitlines()) > 2 else ""


def _charts(plots_json: str) -> dict[str, dict[str, Any]]:
    """Return the Vega-Lite charts by file name; leave out images."""
    return {
        re.sub(r"\W+", "_", name): chart["content"]
        for name, charts in json.loads(plots_json).get("data", {}).items()
        for chart in charts
        if chart["type"] == "vega"
    }


def _title(chart: Mapping[str, Any]) -> str:
    return str(chart["title"]["text"])


def _png(chart: dict[str, Any]) -> bytes:
    import vl_convert  # a development tool; the pipeline does not need it

    picture: bytes = vl_convert.vegalite_to_png(chart, scale=1.5, allowed_base_urls=[])
    return picture


def _folded(summary: str, text: str) -> str:
    return f"<details><summary>{summary}</summary>\n\n{text}\n\n</details>"


if __name__ == "__main__":
    sys.exit(main())
