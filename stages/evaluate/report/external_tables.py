"""Lay out the external test sets beside the test cells: one row a set, and what differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stages.dataset.cell_table import PRELIMINARY
from stages.dataset.data_names import data_name
from stages.dataset.part_names import measured_parts
from stages.evaluate.part_appearance import ON_UNIFORM
from stages.report.formatting import as_figure
from stages.report.tables import METRIC_NAMES, Section, intervals_to_quote, section

_AS_THE_MODEL_SAYS = ("accuracy", "roc_auc")
_AT_OPERATING_POINT = ("sensitivity", "specificity")
_CALIBRATION = ("log_loss", "ece")


@dataclass(frozen=True)
class ExternalPart:
    """What the report shows of an external set.

    Attributes:
        values: its section of metrics/test.json.
        split: its section of metrics/split.json.
        about: what it is, as a sentence without a full stop.
    """

    values: Section
    split: Section
    about: str


def external_parts_of(
    results: Section, *, split: Section, download: Section
) -> dict[str, ExternalPart]:
    """Return the external sets of the results by name, in their order."""
    return {
        name: ExternalPart(results[name], section(split, name), _about(name, download))
        for name in measured_parts(results)
        if name != "test"
    }


def _about(name: str, download: Section) -> str:
    if name == PRELIMINARY:
        return "the preliminary test set of the challenge, from the archive of the training cells"
    described = section(download, "external", name)
    return data_name(described) if described else "unknown data"


def glance(results: Section) -> list[dict[str, Any]]:
    """Return a record for the test cells and each external set, with intervals of its figures."""
    return [_record(name, results[name]) for name in measured_parts(results)]


def _record(name: str, values: Section) -> dict[str, Any]:
    operating = section(values, "operating_point")
    figures = [
        *((key, values) for key in _AS_THE_MODEL_SAYS),
        *((key, operating) for key in _AT_OPERATING_POINT),
        *((key, values) for key in _CALIBRATION),
    ]
    narrow = intervals_to_quote(values).get("too_narrow")
    intervals = {
        METRIC_NAMES[key]: intervals_to_quote(source)[key]
        for key, source in figures
        if key in intervals_to_quote(source)
    }
    return {
        "set": name,
        "cells": values.get("cells"),
        "subjects": values.get("subjects"),
        **{METRIC_NAMES[key]: source.get(key) for key, source in figures},
        "intervals": intervals | ({"too_narrow": narrow} if narrow else {}),
    }


def too_narrow(records: Sequence[Section]) -> list[str]:
    """Return why the intervals of some records are too narrow, with their names."""
    reasons: dict[str, list[str]] = {}
    for record in records:
        for reason in intervals_to_quote(record).get("too_narrow", []):
            reasons.setdefault(reason, []).append(str(record["set"]))
    return [f"{', '.join(names)}: {reason}" for reason, names in reasons.items()]


def differing(appearance: Mapping[str, Section]) -> dict[str, Section]:
    """Return the means of train, test and each external set, with the difference from train."""
    train = appearance.get("train", {})
    return {
        part: {name: _beside(name, mean, train.get(name)) for name, mean in means.items()}
        for part, means in appearance.items()
        if part != "val"
    }


def _beside(name: str, mean: float, train: float | None) -> str:
    told = as_figure(float(mean))
    if train is None or mean == train:
        return told
    if name == ON_UNIFORM:
        return f"{told} ({_signed(100 * (mean - train), 1)} points)"
    return f"{told} ({_signed(100 * (mean - train) / train, 0)} %)" if train else told


def _signed(value: float, decimals: int) -> str:
    return f"{value:+.{decimals}f}".replace("-", "\N{MINUS SIGN}")
