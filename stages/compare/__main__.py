"""Compare the test predictions of two git revisions: is this difference real?

    python -m stages.compare main              the workspace with main
    python -m stages.compare main my-branch    a branch with main
    python -m stages.compare main --fail-if-worse accuracy
    python -m stages.compare main --part out_of_fold     all cells, over subjects and seeds

The exit code is 0; 1 if --fail-if-worse finds the metric worse by more than chance; 2 if nothing
can be compared, or the metric has no interval. An unresolved difference gives 0: the metric may
still be worse.
"""

from __future__ import annotations

from stages.common.missing_package import explain_missing_packages

explain_missing_packages()

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from stages.common.command_entry import command
from stages.common.errors import StageError
from stages.compare.compared_metrics import COMPARED
from stages.compare.compared_parts import compare_part
from stages.compare.comparison_text import comparison_text
from stages.compare.cross_validations import OUT_OF_FOLD
from stages.compare.revisions import WORKSPACE


@command("compare")
def main(arguments: Sequence[str] | None = None) -> int:
    """Print the comparison, and return the exit code."""
    options = _parser().parse_args(arguments)
    comparison = compare_part(options.main, options.other, part=options.part, common=options.common)
    if options.json:
        print(json.dumps(comparison, indent=2, allow_nan=False))
    else:
        print(comparison_text(comparison, markdown=options.md))
    return _judge(comparison, options.fail_if_worse)


def _judge(comparison: dict[str, Any], metric: str | None) -> int:
    if metric is None:
        return 0
    row = comparison["metrics"][metric]
    if row["verdict"] is None:
        reason = "; ".join(comparison.get("undefined", [f"{metric} does not exist"]))
        raise StageError(f"--fail-if-worse {metric} cannot be judged: {reason}")
    if row["verdict"] == "worse":
        print(
            f"compare: {metric} is worse in {comparison['new']['revision']}: {row['old']} → "
            f"{row['new']}, 95 % interval of the difference {row['interval']}",
            file=sys.stderr,
        )
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m stages.compare",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("main", help="branch, tag, commit or experiment to compare with")
    parser.add_argument("other", nargs="?", help=f"the one to compare; without it the {WORKSPACE}")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--md", action="store_true", help="print Markdown")
    parser.add_argument(
        "--part",
        default="test",
        help=f"{OUT_OF_FOLD}: compare the cross-validations; or the name of an external set",
    )
    parser.add_argument(
        "--common", action="store_true", help="leave out test cells that only one of them has"
    )
    parser.add_argument(
        "--fail-if-worse",
        metavar="METRIC",
        choices=COMPARED,
        help="exit with 1 if this metric is worse, by more than chance",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
