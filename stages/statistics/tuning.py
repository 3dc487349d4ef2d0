"""Tune the operating threshold and the temperature on validation alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from stages.dataset.predictions_table import P_ALL_DECIMALS
from stages.statistics.calibration import fit_temperature, tempered
from stages.statistics.intervals import unknown_subjects
from stages.statistics.metrics import DECIMALS, Floats, arrays, measure
from stages.statistics.operating_point import operating_threshold

CALIBRATION_METRICS = ("log_loss", "brier", "ece")


@dataclass(frozen=True)
class Tuning:
    """Two thresholds and a temperature, with a reason for each that is None.

    Attributes:
        threshold: fixed, from params.yaml.
        operating_threshold: see operating_point.operating_threshold.
        no_threshold: why there is no operating threshold.
        temperature: to DECIMALS; see calibration.fit_temperature.
        no_temperature: why there is no temperature.
    """

    threshold: float
    operating_threshold: float | None
    no_threshold: str | None
    temperature: float | None
    no_temperature: str | None


def tune(validation: pd.DataFrame, *, threshold: float, target_sensitivity: float) -> Tuning:
    """Tune on the validation rows of predictions.csv."""
    temperature, no_temperature = fit_temperature(
        arrays(validation)[0], validation["logit"].to_numpy(float)
    )
    if temperature is not None:
        temperature = round(temperature, DECIMALS)
    return Tuning(
        threshold,
        *operating_threshold(validation, target_sensitivity=target_sensitivity),
        temperature,
        no_temperature,
    )


def describe_tuning(tuning: Tuning) -> dict[str, Any]:
    """Return the tuned values as JSON; `undefined` gives the reasons for missing ones."""
    reasons = [
        f"no {name}: {reason}"
        for name, reason in (
            ("operating_threshold", tuning.no_threshold),
            ("temperature", tuning.no_temperature),
        )
        if reason
    ]
    return {
        "operating_threshold": tuning.operating_threshold,
        "temperature": tuning.temperature,
        **({"undefined": reasons} if reasons else {}),
    }


def describe_validation(validation: pd.DataFrame, tuning: Tuning) -> dict[str, Any]:
    """Measure validation. The figures are optimistic: the tuning used these cells."""
    if validation.empty:
        return {"cells": 0}
    described: dict[str, Any] = {"cells": len(validation)}
    known = unknown_subjects(validation) is None
    described |= {"subjects": int(validation["subject"].nunique()) if known else None}
    if tuning.operating_threshold is not None:
        called = measure(validation, threshold=tuning.operating_threshold)
        described["operating_point"] = {
            name: called[name]
            for name in ("sensitivity", "specificity", "undefined")
            if name in called
        }
    before = measure(validation, threshold=tuning.threshold)
    described |= {name: before[name] for name in CALIBRATION_METRICS}
    if (p_all := calibrated_p_all(validation, tuning)) is not None:
        after = measure(validation.assign(p_all=p_all), threshold=tuning.threshold)
        described["calibrated"] = {name: after[name] for name in CALIBRATION_METRICS}
    return described


def calibrated_p_all(predictions: pd.DataFrame, tuning: Tuning) -> Floats | None:
    """Return p(ALL) after temperature scaling, to P_ALL_DECIMALS; None without a temperature.

    Args:
        predictions: rows of predictions.csv, of any split.
        tuning: from `tune`.
    """
    if tuning.temperature is None:
        return None
    return tempered(predictions["logit"].to_numpy(float), tuning.temperature).round(P_ALL_DECIMALS)
