"""Measure leakage: train on a split by image and on a split by subject, and show the gap.

    python -m stages.compare.leakage_gap

It runs two DVC experiments of the profile in params.yaml, equal in all else. Each has its own
folder, so the workspace does not change. DVC takes results of earlier runs from its cache.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from stages.common.errors import StageError
from stages.common.params_file import load_params
from stages.common.standard_streams import print_in_any_encoding
from stages.compare.compared_metrics import metrics, weighted_metrics
from stages.compare.comparison_text import gap_text
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


def run_experiment(strategy: str, *, profile: str) -> str:
    """Run the pipeline with a split strategy, and return the experiment's revision.

    Raises:
        StageError: if DVC or a stage fails.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    switch = f"profiles.{profile}.split.strategy={strategy}"
    try:
        with Repo() as repo:
            results = repo.experiments.run(params=[switch], tmp_dir=True)
    except DvcException as error:
        raise StageError(f"the experiment {switch} failed: {error}") from error
    if not results:
        raise StageError(f"the experiment {switch} failed; what its stages said stands above")
    return str(next(iter(results)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run both experiments, print the gap, and return the exit code: 0, or 2 after an error."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.compare.leakage_gap",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--md", action="store_true", help="print Markdown")
    options = parser.parse_args(arguments)
    try:
        profile = load_params(Path("params.yaml")).profile
        sides = [read_revision(run_experiment(each, profile=profile)) for each in STRATEGIES]
        found = gap(*sides)
    except StageError as error:
        print(f"leakage: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(found, indent=2, allow_nan=False))
    else:
        print(gap_text(found, markdown=options.md))
    return 0


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
    print_in_any_encoding()
    sys.exit(main())
