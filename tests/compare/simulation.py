"""Simulate comparisons of cross-validations: how often do their intervals hold the truth?

    python -m tests.compare.simulation        writes the table in docs/comparing.md
    python -m tests.compare.simulation 100    prints it, from so many comparisons a row

Two models are trained on the same folds of the same cells, with several seeds each. The logit of a
cell is the mean of its class and normal effects: of its subject, of the subject with the model, of
the cell, of the seed, of the member (one fold of one seed), of the member with the subject and with
the cell. So the expected accuracy and ROC AUC of each model are known exactly.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.stats import norm

from stages.common.files import write_text
from stages.statistics.crossed_variance import crossed_variance
from stages.statistics.intervals import Integers
from stages.statistics.metrics import Booleans, Floats
from stages.statistics.weighted_metrics import weighted_ranks
from tests.conftest import ROOT

PAGE = ROOT / "docs/comparing.md"
START, END = "<!-- simulated: python -m tests.compare.simulation -->\n", "<!-- to here -->\n"
METRICS = ("accuracy", "roc_auc")
COMPARISONS, RESAMPLES = 1000, 400


MEAN, EFFECT = 1.3, 0.2
SUBJECT, SUBJECT_OF_MODEL, SUBJECT_OF_MEMBER, CELL, CELL_OF_MEMBER = 0.5, 0.35, 0.25, 1.0, 0.4
BIAS = 1.5
"""A member's bias, in standard deviations of its skill."""


@dataclass(frozen=True)
class Design:
    """What is simulated. Standard deviations are in logits.

    Attributes:
        seeds: the numbers of both models.
        subjects: the numbers of both classes.
        folds: their number.
        cells: the expected number of a subject.
        inequality: standard deviation of the logarithm of that number.
        seed: of the skill of a seed, the same in all folds.
        member: of the skill of a member.
    """

    seeds: tuple[int, int]
    subjects: tuple[int, int] = (26, 26)
    folds: int = 5
    cells: int = 12
    inequality: float = 0.7
    seed: float = 0.0
    member: float = 0.15


QUIET, NOISY = {"seed": 0.0, "member": 0.15}, {"seed": 0.3, "member": 0.0}
UNEQUAL = {"subjects": (47, 26), "inequality": 1.1}
DESIGNS = [
    *(Design(seeds, **QUIET) for seeds in ((2, 2), (3, 3), (5, 5), (2, 5))),
    *(Design(seeds, **NOISY) for seeds in ((2, 2), (3, 3), (5, 5), (2, 5))),
    Design((3, 3), folds=3, **QUIET),
    *(Design(seeds, **UNEQUAL, **QUIET) for seeds in ((2, 2), (3, 3))),
    *(Design((3, 3), subjects=(few, few), cells=30, **QUIET) for few in (8, 5)),
    Design((2, 2), subjects=(5, 5), cells=30, **QUIET),
]


def true_values(design: Design, mean: float) -> dict[str, float]:
    """The expected metrics of a model."""
    effects = (SUBJECT, SUBJECT_OF_MODEL, SUBJECT_OF_MEMBER, CELL, CELL_OF_MEMBER)
    own = sum(effect**2 for effect in effects)
    seed, member, bias = design.seed**2, design.member**2, (BIAS * design.member) ** 2
    in_fold = norm.cdf(2 * mean / np.sqrt(2 * own + 4 * seed + 4 * member))
    apart = norm.cdf(2 * mean / np.sqrt(2 * own + 4 * seed + 2 * member + 2 * bias))
    return {
        "accuracy": float(norm.cdf(mean / np.sqrt(own + seed + member + bias))),
        "roc_auc": float(in_fold / design.folds + apart * (1 - 1 / design.folds)),
    }


@dataclass(frozen=True)
class Cells:
    """The cells of a set: the subject of each, whether it is ALL, and the folds of subjects."""

    subject: Integers
    actual: Booleans
    fold: Integers

    @property
    def strata(self) -> Integers:
        """Whether each subject is ALL."""
        first = np.unique(self.subject, return_index=True)[1]
        return self.actual[first].astype(np.int64)


def draw_cells(design: Design, generator: np.random.Generator) -> Cells:
    count = sum(design.subjects)
    spread = generator.normal(-(design.inequality**2) / 2, design.inequality, count)
    sizes = np.maximum(2, np.round(design.cells * np.exp(spread))).astype(int)
    subject = np.repeat(np.arange(count), sizes)
    fold = np.concatenate(
        [generator.permutation(np.arange(number) % design.folds) for number in design.subjects]
    )
    return Cells(subject, subject < design.subjects[0], fold)


def draw_logits(
    design: Design, cells: Cells, generator: np.random.Generator, *, effect: float
) -> tuple[Floats, Floats]:
    """The logits of both models, (seeds, cells) each; the second has the higher mean."""
    side = np.where(cells.actual, 1.0, -1.0)
    subjects = len(cells.fold)
    shared = generator.normal(0, SUBJECT, subjects)[cells.subject]
    shared += generator.normal(0, CELL, len(side))

    def model(seeds: int, mean: float) -> Floats:
        of_model = generator.normal(0, SUBJECT_OF_MODEL, subjects)
        found = np.empty((seeds, len(side)))
        for row in found:
            skill = generator.normal(0, design.seed)
            skill = skill + generator.normal(0, design.member, design.folds)[cells.fold]
            bias = generator.normal(0, BIAS * design.member, design.folds)[cells.fold]
            of_subject = of_model + bias + generator.normal(0, SUBJECT_OF_MEMBER, subjects)
            row[:] = side * (mean + skill[cells.subject]) + of_subject[cells.subject] + shared
            row += generator.normal(0, CELL_OF_MEMBER, len(side))
        return found

    return model(design.seeds[0], MEAN), model(design.seeds[1], MEAN + effect)


def shares_right(cells: Cells, logits: Floats, drawn: Floats) -> Floats:
    """The accuracy of each seed, (seeds, weightings), where subjects are drawn so often."""
    right = [np.bincount(cells.subject, (row >= 0) == cells.actual) for row in logits]
    shares: Floats = (np.stack(right) @ drawn.T) / (drawn @ np.bincount(cells.subject))
    return shares


def areas(cells: Cells, logits: Floats, drawn: Floats) -> Floats:
    """The ROC AUC of each seed, likewise."""
    weights = drawn[:, cells.subject]
    return np.stack([weighted_ranks(cells.actual, row, weights)["roc_auc"] for row in logits])


def compare_once(design: Design, seed: int, *, effect: float) -> dict[str, bool]:
    """Whether each interval holds the true difference of the models, by method and metric."""
    generator = np.random.default_rng([seed, 18])
    cells = draw_cells(design, generator)
    sides = draw_logits(design, cells, generator, effect=effect)
    old, new = (true_values(design, mean) for mean in (MEAN, MEAN + effect))
    subjects = len(cells.fold)
    without_one = np.vstack([np.ones((1, subjects)), 1 - np.eye(subjects)])
    held = {}
    for name, measure in {"accuracy": shares_right, "roc_auc": areas}.items():
        true = new[name] - old[name]
        values = tuple(measure(cells, side, without_one) for side in sides)
        difference = values[1][:, 0].mean() - values[0][:, 0].mean()
        alone = tuple(each.mean(axis=0, keepdims=True) for each in values)
        for method, given in {"crossed": values, "subjects": alone}.items():
            variance = crossed_variance(
                given, strata=cells.strata, sizes=np.bincount(cells.subject)
            )
            held[f"{method} {name}"] = bool(abs(difference - true) <= variance.half_width)
    low, high = naive_ends(cells, sides, generator)
    held["naive accuracy"] = bool(low <= new["accuracy"] - old["accuracy"] <= high)
    return held


def naive_ends(
    cells: Cells, sides: tuple[Floats, Floats], generator: np.random.Generator
) -> tuple[float, float]:
    """Percentiles of the difference in accuracy over resamples of subjects and of seeds."""
    drawn = np.zeros((RESAMPLES, len(cells.fold)))
    for stratum in np.unique(cells.strata):
        units = np.flatnonzero(cells.strata == stratum)
        shares = np.full(len(units), 1 / len(units))
        drawn[:, units] = generator.multinomial(len(units), shares, size=RESAMPLES)
    means = []
    for side in sides:
        chosen = generator.integers(len(side), size=(len(side), RESAMPLES))
        found = np.take_along_axis(shares_right(cells, side, drawn), chosen, axis=0)
        means.append(found.mean(axis=0))
    low, high = np.quantile(means[1] - means[0], [0.025, 0.975])
    return float(low), float(high)


def rates(
    design: Design, comparisons: int, *, effect: float, pool: ProcessPoolExecutor | None = None
) -> dict[str, float]:
    """How often the intervals hold the truth, by method and metric."""
    once = partial(compare_once, design, effect=effect)
    seeds = range(comparisons)
    found = list(map(once, seeds) if pool is None else pool.map(once, seeds, chunksize=20))
    return {name: float(np.mean([each[name] for each in found])) for name in found[0]}


COLUMNS = (
    *("folds", "seeds", "subjects", "training noise"),
    *("accuracy held", "ROC AUC held", "accuracy called", "ROC AUC called"),
    *("held by subjects alone", "by naive resampling"),
)
HEAD = f"| {' | '.join(COLUMNS)} |\n|{' --- |' * len(COLUMNS)}\n"


def label(design: Design) -> str:
    """The cells of a row that say what is simulated."""
    seeds, subjects = (" + ".join(map(str, each)) for each in (design.seeds, design.subjects))
    unequal = ", very unequal" * (design.inequality > 1)
    noise = "of seeds, large" if design.seed else "of members"
    return f"| {design.folds} | {seeds} | {subjects}{unequal} | {noise} |"


def row(design: Design, comparisons: int, pool: ProcessPoolExecutor) -> str:
    """A row of the table."""
    held = rates(design, comparisons, effect=EFFECT, pool=pool)
    null = rates(design, comparisons, effect=0.0, pool=pool)
    figures = [
        *(held[f"crossed {name}"] for name in METRICS),
        *(1 - null[f"crossed {name}"] for name in METRICS),
        held["subjects accuracy"],
        held["naive accuracy"],
    ]
    return f"{label(design)} {' | '.join(f'{100 * figure:.1f}' for figure in figures)} |\n"


def main(arguments: Sequence[str]) -> None:
    """Simulate every design; print the table, and write it where no number is given."""
    comparisons = int(arguments[0]) if arguments else COMPARISONS
    lines = []
    with ProcessPoolExecutor(os.cpu_count() or 1) as pool:
        for design in DESIGNS:
            lines.append(row(design, comparisons, pool))
            print(lines[-1], end="", flush=True)
    if not arguments:
        text = PAGE.read_text(encoding="utf-8")
        before, after = text.split(START)[0], text.split(END)[1]
        write_text(f"{before}{START}\n{HEAD}{''.join(lines)}\n{END}{after}", PAGE)


if __name__ == "__main__":
    main(sys.argv[1:])
