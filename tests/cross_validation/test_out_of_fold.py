from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

from stages.common.files import file_sha256, write_json
from stages.cross_validation.members import read_members
from stages.cross_validation.out_of_fold import out_of_fold
from stages.dataset.appearance_table import APPEARANCE_COLUMNS
from stages.dataset.cell_table import read_cells, write_cells
from stages.statistics.tuning import tune
from tests.cross_validation.scene import FOLDS, SEEDS, cells, params

OUTPUTS = ("out_of_fold.json", "predictions.csv", "roc.csv", "report.html")


def run(
    made: Path, *, table: pd.DataFrame | None = None, subgroups: Any = (), seeds: Any = SEEDS
) -> dict[str, Any]:
    """Run the stage on what the members have predicted; return the content of its report."""
    everything = cells() if table is None else table
    write_cells(everything, made / "cells.csv")
    external = everything.assign(split="zurich")
    write_cells(external, made / "external.csv")
    appearance = pd.DataFrame({"set": "training", "image": everything["image"]})
    generator = np.random.default_rng(5)
    measured = {
        name: generator.uniform(0.1, 0.9, len(appearance)) for name in APPEARANCE_COLUMNS[2:]
    }
    appearance.assign(**measured).to_csv(made / "appearance.csv", index=False)
    write_json({"synthetic": True, "verified": False}, made / "download.json")
    counts = {"subjects_in_several_folds": 0, "identical_images_in_several_folds": 0}
    folds = {f"fold_{number}": {"cells": 24, "subjects": 6} for number in FOLDS}
    write_json({"strategy": "official", "folds": folds, **counts}, made / "folds.json")
    out_of_fold(
        dataclasses.replace(params("official"), seeds=[*seeds]),
        profile="synthetic",
        threshold=0.5,
        target_sensitivity=0.9,
        replicates=100,
        subgroups=[*subgroups],
        cells_csv=made / "cells.csv",
        external_csv=made / "external.csv",
        appearance_csv=made / "appearance.csv",
        download_report=made / "download.json",
        folds_report=made / "folds.json",
        folds=made / "folds",
        predictions=made / "predictions",
        report=made / "out_of_fold.json",
        predictions_csv=made / "predictions.csv",
        roc_csv=made / "roc.csv",
        report_html=made / "report.html",
    )
    found: dict[str, Any] = json.loads((made / "out_of_fold.json").read_text())
    return found


@pytest.fixture
def results(made: Path) -> dict[str, Any]:
    return run(made)


def predicted(made: Path) -> pd.DataFrame:
    return pd.read_csv(made / "predictions.csv", dtype={"subject": "str"})


@pytest.mark.usefixtures("results")
def test_each_cell_is_predicted_once_with_each_seed_by_the_member_of_its_fold(made: Path) -> None:
    rows = predicted(made).query("split == 'out_of_fold'")
    for seed in SEEDS:
        assert sorted(rows.loc[rows["seed"] == seed, "image"]) == sorted(cells()["image"])
    fold_of = dict(cells()[["image", "fold"]].to_numpy())
    assert [f"fold_{fold - 1:.0f}" for fold in rows["test_fold"]] == [
        fold_of[image] for image in rows["image"]
    ]


def test_the_figures_of_a_seed_can_be_recomputed_from_its_rows(
    made: Path, results: dict[str, Any]
) -> None:
    rows = predicted(made).query("split == 'out_of_fold' and seed == 2")
    actual = rows["label"] == "all"
    found = results["by_seed"]["seed_2"]
    assert found["accuracy"] == pytest.approx(
        accuracy_score(actual, rows["p_all"] >= 0.5), abs=1e-6
    )
    assert found["roc_auc"] == pytest.approx(roc_auc_score(actual, rows["p_all"]), abs=1e-6)
    assert found["log_loss"] == pytest.approx(log_loss(actual, rows["p_all"]), abs=1e-6)
    called = rows["p_all"] >= rows["operating_threshold"]
    point = found["operating_point"]
    assert point["sensitivity"] == pytest.approx(called[actual].mean(), abs=1e-6)
    assert point["specificity"] == pytest.approx((~called)[~actual].mean(), abs=1e-6)


def test_mean_and_deviation_are_those_of_the_seeds(results: dict[str, Any]) -> None:
    values = [results["by_seed"][f"seed_{seed}"]["accuracy"] for seed in SEEDS]
    mean = results["out_of_fold"]
    assert mean["accuracy"] == pytest.approx(np.mean(values), abs=1e-6)
    assert mean["standard_deviation"]["accuracy"] == pytest.approx(np.std(values, ddof=1), abs=1e-6)
    low, high = mean["intervals"]["accuracy"]
    assert low < mean["accuracy"] < high


def test_one_seed_has_no_deviation_and_no_warning(made: Path) -> None:
    mean = run(made, seeds=[1])["out_of_fold"]
    assert "standard_deviation" not in mean


def test_each_member_is_tuned_on_its_own_validation_cells(
    made: Path, results: dict[str, Any]
) -> None:
    members = read_members(made / "predictions", made / "folds", numbers=FOLDS, seeds=SEEDS)
    for member, described in zip(members, results["members"], strict=True):
        validation = member.predictions.query("split == 'val'")
        tuning = tune(validation, threshold=0.5, target_sensitivity=0.9)
        assert described["member"] == member.name
        assert described["operating_threshold"] == tuning.operating_threshold
        assert described["temperature"] == tuning.temperature
        rows = predicted(made).query(f"seed == {member.seed} and test_fold == {member.fold}")
        assert set(rows["operating_threshold"]) == {tuning.operating_threshold}


def test_the_ensemble_is_the_mean_of_the_logits_tuned_out_of_fold(
    made: Path, results: dict[str, Any]
) -> None:
    members = read_members(made / "predictions", made / "folds", numbers=FOLDS, seeds=SEEDS)
    rows = [member.predictions.query("split == 'zurich'") for member in members]
    mean = np.mean([each["logit"] for each in rows], axis=0)
    actual = rows[0]["label"] == "all"
    measured = results["external"]["zurich"]
    ensemble = measured["ensemble"]
    assert ensemble["accuracy"] == pytest.approx(accuracy_score(actual, mean >= 0), abs=1e-6)
    assert ensemble["log_loss"] == pytest.approx(log_loss(actual, expit(mean)), abs=1e-5)
    alone = [accuracy_score(actual, each["logit"] >= 0) for each in rows]
    assert measured["members"]["accuracy"]["lowest"] == pytest.approx(min(alone), abs=1e-6)
    each = measured["each_member"]
    assert [record["member"] for record in each] == [member.name for member in members]
    assert [record["accuracy"] for record in each] == pytest.approx(alone, abs=1e-6)
    pooled = predicted(made).query("split == 'out_of_fold'")
    tuning = tune(pooled, threshold=0.5, target_sensitivity=0.9)
    assert ensemble["operating_point"]["threshold"] == tuning.operating_threshold


@pytest.mark.usefixtures("results")
def test_of_external_cells_the_mean_of_each_seed_is_kept(made: Path) -> None:
    members = read_members(made / "predictions", made / "folds", numbers=FOLDS, seeds=SEEDS)
    of_seed = [
        member.predictions.query("split == 'zurich'")["logit"].to_numpy()
        for member in members
        if member.seed == 1
    ]
    rows = predicted(made).query("split == 'zurich' and seed == 1")
    assert rows["logit"].to_numpy() == pytest.approx(np.mean(of_seed, axis=0), abs=1e-6)


def test_columns_of_an_own_table_are_measured_by(made: Path) -> None:
    scanners = ["A" if number % 3 else "B" for number in range(len(cells()))]
    for path in (made / "folds").iterdir():
        scanner_of = dict(zip(cells()["image"], scanners, strict=True))
        table = read_cells(path)
        write_cells(table.assign(scanner=table["image"].map(scanner_of)), path)
    for path in made.glob("predictions/*/member.json"):
        member = json.loads(path.read_text())
        sha256 = file_sha256(made / f"folds/fold-{member['fold']}.csv")
        path.write_text(json.dumps(member | {"cells_sha256": sha256}))
    results = run(made, table=cells().assign(scanner=scanners), subgroups=["scanner"])
    groups = results["by_seed"]["seed_1"]["subgroups"]["scanner"]
    assert {group["name"]: group["cells"] for group in groups} == {"A": 48, "B": 24}
    assert "scanner" in results["external"]["zurich"]["ensemble"]["subgroups"]


@pytest.mark.usefixtures("results")
def test_the_report_is_one_file_that_says_synthetic_and_names_each_member(made: Path) -> None:
    page = (made / "report.html").read_text(encoding="utf-8")
    assert "SYNTHETIC DATA" in page
    assert not re.search(r"<(script|link|img)[^>]*(src|href)=.http", page)
    for fold in FOLDS:
        for seed in SEEDS:
            assert f"fold-{fold}-seed-{seed}" in page


def test_a_second_run_writes_the_same_bytes(made: Path) -> None:
    run(made)
    first = {name: (made / name).read_bytes() for name in OUTPUTS}
    run(made)
    assert {name: (made / name).read_bytes() for name in OUTPUTS} == first
