"""Tables of predictions like those in metrics/predictions.csv."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import expit


def clustered(
    *, subjects: int, seed: int, split: str = "test", spread: float = 1.0, largest: int = 30
) -> pd.DataFrame:
    """Cells of `subjects` subjects a class; those of one subject share a shift of their logits.

    A subject has 5 to `largest` cells; `spread` is the standard deviation of the shifts, where
    that of the cells of one subject is 1.
    """
    generator = np.random.default_rng(seed)
    sizes = generator.integers(5, largest + 1, 2 * subjects)
    subject = np.repeat(np.arange(2 * subjects), sizes)
    is_all = subject < subjects
    shift = generator.normal(0, spread, 2 * subjects)[subject]
    logit = np.where(is_all, 1, -1) + shift + generator.normal(size=len(subject))
    logit = logit.round(6)
    number = subject % subjects + 1
    names = np.where(is_all, "", "H").astype(object) + number.astype(str).astype(object)
    return pd.DataFrame(
        {
            "split": split,
            "image": [f"{split}_{row}.bmp" for row in range(len(subject))],
            "subject": pd.Series(names, dtype="str"),
            "fold": pd.Series([f"fold_{each % 3}" for each in number], dtype="str"),
            "label": np.where(is_all, "all", "hem"),
            "p_all": expit(logit).round(8),
            "logit": logit,
            "area": (0.25 + 0.05 * is_all + generator.normal(0, 0.04, len(subject))).round(6),
            "brightness": generator.normal(150, 10, len(subject)).round(4),
        }
    )


def table(*cells: tuple[str, str, float]) -> pd.DataFrame:
    """Cells of one split by (subject, label, p_all)."""
    rows = pd.DataFrame(cells, columns=["subject", "label", "p_all"])
    p_all = rows["p_all"].clip(1e-6, 1 - 1e-6)
    return rows.assign(
        split="test",
        image=[f"{row}.bmp" for row in range(len(rows))],
        fold="",
        logit=np.log(p_all / (1 - p_all)).round(6),
        area=0.2,
        brightness=100.0,
    )
