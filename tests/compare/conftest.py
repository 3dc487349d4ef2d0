"""Two models' predictions for the same cells, in memory and on the branches of a git repository."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from stages.compare.cross_validations import CrossValidation
from stages.compare.revisions import Revision

DVC = Path(sys.executable).with_name("dvc")
CommitFiles = Callable[..., None]


def cells(*, subjects: int = 8, per_subject: int = 10, seed: int = 0) -> pd.DataFrame:
    """Test cells of `subjects` a class, sorted by image, with the logits of a fair model."""
    generator = np.random.default_rng(seed)
    rows = [
        (f"UID_{prefix}{subject}_{cell}_1_{label}.bmp", f"{prefix}{subject}", label)
        for label, prefix in (("all", ""), ("hem", "H"))
        for subject in range(1, subjects + 1)
        for cell in range(per_subject)
    ]
    table = pd.DataFrame(rows, columns=["image", "subject", "label"]).assign(split="test")
    shift = dict(
        zip(table["subject"].unique(), generator.normal(0, 0.5, 2 * subjects), strict=True)
    )
    centre = np.where(table["label"] == "all", 1.0, -1.0) + table["subject"].map(shift)
    table["logit"] = centre + generator.normal(0, 1, len(table))
    return with_logits(table, table["logit"]).sort_values("image", ignore_index=True)


def with_logits(table: pd.DataFrame, logits: pd.Series) -> pd.DataFrame:
    return table.assign(logit=logits.round(6), p_all=expit(logits.astype(float)).round(8))


def noisier(table: pd.DataFrame, *, noise: float, seed: int = 1) -> pd.DataFrame:
    """The predictions of a model that is worse by so much noise in its logits."""
    generator = np.random.default_rng(seed)
    return with_logits(table, table["logit"] + generator.normal(0, noise, len(table)))


def better(table: pd.DataFrame, *, by: float) -> pd.DataFrame:
    """The predictions of a model that is surer of the right class by so much logit."""
    side = np.where(table["label"] == "all", 1, -1)
    return with_logits(table, table["logit"] + by * side)


def measured(
    table: pd.DataFrame,
    *,
    name: str = "main",
    threshold: float = 0.5,
    operating_threshold: float | None = None,
    archive: str = "a" * 64,
) -> Revision:
    return Revision(name, table, threshold, operating_threshold, "synthetic", archive)


def write_metrics(
    folder: Path,
    table: pd.DataFrame,
    *,
    threshold: float = 0.5,
    operating_threshold: float | None = None,
    archive: str = "a" * 64,
) -> None:
    """Write what `compare` reads of a revision."""
    (folder / "metrics").mkdir(exist_ok=True)
    table.to_csv(folder / "metrics/predictions.csv", index=False)
    results = {
        "data": "synthetic",
        "threshold": threshold,
        "operating_threshold": operating_threshold,
    }
    (folder / "metrics/test.json").write_text(json.dumps(results))
    (folder / "metrics/download.json").write_text(json.dumps({"sha256": archive}))


def cross_validated(
    tables: dict[int, pd.DataFrame],
    *,
    name: str = "main",
    strategy: str = "subject",
    folds: int = 5,
    archive: str = "a" * 64,
) -> CrossValidation:
    """The out-of-fold predictions of each seed, in memory."""
    return CrossValidation(
        {
            seed: Revision(name, table, 0.5, None, "synthetic", archive, None, "out_of_fold")
            for seed, table in tables.items()
        },
        strategy,
        folds,
        fold_of(next(iter(tables.values())), folds=folds),
    )


def fold_of(table: pd.DataFrame, *, folds: int) -> pd.Series:
    """A fold for each subject, as texts, by image."""
    number = table.groupby(["label", "subject"]).ngroup() % folds
    return pd.Series(number.astype(str).to_numpy(), table["image"])


def seeds_of(table: pd.DataFrame, *seeds: int, noise: float = 0.3) -> dict[int, pd.DataFrame]:
    """Several trainings of one model: each by noise of its own in its logits."""
    return {seed: noisier(table, noise=noise, seed=seed) for seed in seeds}


def write_cross_validation(
    folder: Path, tables: dict[int, pd.DataFrame], *, folds: int = 5, **results: object
) -> None:
    """Write what `compare --part out_of_fold` reads of a revision."""
    target = folder / "cross_validation/metrics"
    target.mkdir(parents=True, exist_ok=True)
    rows = pd.concat(
        [
            table.assign(
                split="out_of_fold",
                seed=seed,
                test_fold=fold_of(table, folds=folds).to_numpy(),
                fold="",
                operating_threshold=0.4,
            )
            for seed, table in tables.items()
        ]
    )
    rows.to_csv(target / "predictions.csv", index=False)
    settings = {
        "data": "synthetic",
        "threshold": 0.5,
        "strategy": "subject",
        "folds": list(range(folds)),
        "seeds": list(tables),
    }
    (target / "out_of_fold.json").write_text(json.dumps(settings | results))
    (folder / "metrics").mkdir(exist_ok=True)
    (folder / "metrics/download.json").write_text(json.dumps({"sha256": "a" * 64}))


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", folder, *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty DVC project in git, which is the working folder; only its own settings count."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name in ("GLOBAL", "SYSTEM"):
        monkeypatch.setenv(f"GIT_CONFIG_{name}", os.devnull)
        monkeypatch.setenv(f"DVC_{name}_CONFIG_DIR", str(tmp_path / "dvc"))
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "config", "user.name", "Test")
    git(folder, "config", "user.email", "test@example.com")
    subprocess.run([DVC, "init", "--quiet"], cwd=folder, check=True)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def commit(repository: Path) -> CommitFiles:
    """Commit metrics on a branch, made from main where it is new, and leave it checked out."""

    def make(branch: str, table: pd.DataFrame, **settings: object) -> None:
        known = git(repository, "branch", "--list", branch).strip()
        if git(repository, "branch", "--show-current").strip() != branch:
            git(repository, "switch", "--quiet", *([] if known else ["--create"]), branch)
        write_metrics(repository, table, **settings)
        git(repository, "add", "--all")
        git(repository, "commit", "--quiet", "--message", f"Measure on {branch}")

    return make
