"""Measure leakage: train on a split by image and on a split by subject, and show the gap.

    python -m stages.compare.leakage_gap                       one training each
    python -m stages.compare.leakage_gap --cross-validation    every cell tested, over all seeds

It runs two DVC experiments of the profile in params.yaml, equal in all else. Each has its own
folder, so the workspace does not change. DVC takes results of earlier runs from its cache.
"""

from __future__ import annotations

from stages.common.missing_package import explain_missing_packages

if __name__ == "__main__":
    explain_missing_packages()

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from stages.common.command_entry import command
from stages.common.dvc_errors import dvc_errors
from stages.common.errors import StageError
from stages.common.git_commands import IDENTITY, committed_file, head_commit, lacks_identity
from stages.common.params_file import load_params
from stages.compare.compared_metrics import metrics, weighted_metrics
from stages.compare.comparison_text import comparison_text, gap_text
from stages.compare.cross_validations import read_cross_validation
from stages.compare.crossed_comparison import compare_cross_validations
from stages.compare.differences import REPLICATES, SEED
from stages.compare.revisions import Revision, read_revision
from stages.statistics.by_subject import count_subjects
from stages.statistics.intervals import intervals, lacking_subjects, subject_resamples
from stages.statistics.metrics import DECIMALS, Floats

STRATEGIES = ("stratified", "subject")


def gap(stratified: Revision, subject: Revision) -> dict[str, Any]:
    """Compare a model on cells of known subjects with one on cells of new subjects.

    Returns:
        `data`; `stratified`, `subject`: their numbers of test cells and subjects; `metrics`: for
        each its value for both splits, the gap (subject − stratified), and its 95 % interval from
        resamples of the subjects of each split, or None with a reason in `undefined`.
    """
    sides = {"stratified": stratified, "subject": subject}
    measured = {name: metrics(side) for name, side in sides.items()}
    found = _gap_intervals(stratified, subject)
    names = [name for name in measured["stratified"] if name in measured["subject"]]
    return {
        "data": stratified.data,
        **{
            name: {"cells": len(side.test), "subjects": count_subjects(side.test)}
            for name, side in sides.items()
        },
        "metrics": {
            name: {split: values[name] for split, values in measured.items()}
            | {
                "gap": _difference(measured["stratified"][name], measured["subject"][name]),
                "interval": found.get(name),
            }
            for name in names
        },
        **({"undefined": found["undefined"]} if "undefined" in found else {}),
    }


def cross_validated_gap(stratified: str, subject: str) -> dict[str, Any]:
    """Compare the cross-validations of two revisions, by image and by subject, on all cells.

    Returns:
        As `compare_cross_validations`, with the strategies as the names of the sides.
    """
    by_image, by_subject = read_cross_validation(stratified), read_cross_validation(subject)
    found = compare_cross_validations(by_image, by_subject, common=False, one_strategy=False)
    found["old"]["revision"], found["new"]["revision"] = "by image", "by subject"
    return found


def run_experiment(switch: str, *, pipeline: str = "dvc.yaml") -> str:
    """Run a pipeline with a changed parameter, and return the experiment's revision.

    Raises:
        StageError: if DVC or a stage fails.
    """
    from dvc.repo import Repo

    _require_commit_of_pipeline()
    with dvc_errors(f"the experiment {switch} failed", remedy=_remedy()), Repo() as repo:
        results = repo.experiments.run(targets=[pipeline], params=[switch], tmp_dir=True)
    if not results:
        raise StageError(f"the experiment {switch} failed; what its stages said stands above")
    return str(next(iter(results)))


@command("leakage")
def main(arguments: Sequence[str] | None = None) -> int:
    """Run both experiments, print the gap, and return the exit code: 0, or 2 after an error."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.compare.leakage_gap",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--cross-validation",
        action="store_true",
        help="test every cell, with all seeds of params.yaml: as many trainings as members, twice",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--md", action="store_true", help="print Markdown")
    options = parser.parse_args(arguments)
    key, pipeline = f"profiles.{load_params(Path('params.yaml')).profile}.split", "dvc.yaml"
    if options.cross_validation:
        key, pipeline = "cross_validation", "cross_validation/dvc.yaml"
    runs = {
        strategy: run_experiment(f"{key}.strategy={strategy}", pipeline=pipeline)
        # By subject first: it is refused at once where subjects are not known.
        for strategy in reversed(STRATEGIES)
    }
    first, second = (runs[strategy] for strategy in STRATEGIES)
    if options.cross_validation:
        found = cross_validated_gap(first, second)
        text = comparison_text(found, markdown=options.md)
    else:
        found = gap(read_revision(first), read_revision(second))
        text = gap_text(found, markdown=options.md)
    print(json.dumps(found, indent=2, allow_nan=False) if options.json else text)
    return 0


def _require_commit_of_pipeline() -> None:
    commit = head_commit()
    if committed_file(commit, "dvc.yaml") is None:
        raise StageError(
            f"commit {commit[:8]} has no dvc.yaml in this folder, and experiments start from the "
            "commit; add the project to it: `git add --all`, then `git commit --message Start`"
        )


def _remedy() -> str:
    """How to mend what DVC itself says of an experiment, by what it may lack."""
    if lacks_identity():
        return IDENTITY
    folder = str(Path.cwd())
    if found := sorted(set(re.findall(r"[^ -~]|[#?%{}]", folder))):
        return (
            f"the path of this folder holds {', '.join(map(repr, found))}, with which DVC runs no "
            f"experiment beside the workspace: {folder!r}; rename the folder, or clone the project "
            "elsewhere"
        )
    return "`git status` and `dvc status` should end without error"


def _gap_intervals(stratified: Revision, subject: Revision) -> dict[str, Any]:
    tables = [stratified.test, subject.test]
    if reasons := [reason for table in tables if (reason := lacking_subjects(table))]:
        return {"undefined": list(dict.fromkeys(reasons))}
    cells = pd.concat([table.assign(side=side) for side, table in enumerate(tables)])
    resamples = subject_resamples(cells, replicates=REPLICATES, seed=SEED, within=("side", "label"))
    first = len(stratified.test)

    def statistic(weights: Floats) -> dict[str, Floats]:
        known = weighted_metrics(stratified, weights[:, :first])
        new = weighted_metrics(subject, weights[:, first:])
        return {name: new[name] - known[name] for name in known if name in new}

    return intervals(resamples, statistic)


def _difference(old: float | None, new: float | None) -> float | None:
    return None if old is None or new is None else round(new - old, DECIMALS)


if __name__ == "__main__":
    sys.exit(main())
