from __future__ import annotations

import inspect
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pytest
from PIL import Image

from stages.common.errors import StageError
from stages.dataset.part_names import TAKEN_NAMES, measured_parts
from stages.evaluate.__main__ import evaluate
from stages.evaluate.params import EvaluateParams
from stages.statistics.intervals import TOO_NARROW
from stages.statistics.metrics import measure
from tests.conftest import ROOT

from .conftest import SIZE, Inputs, World, world_in

pytestmark = pytest.mark.integration

TABLES = ("predictions_csv", "roc_csv", "precision_recall_csv", "reliability_csv", "confusion_csv")
OUTPUTS = (*TABLES, "test_report", "model_metadata", "report_html")
BOTH = (("all", 240), ("hem", 20))


@pytest.fixture(scope="module", autouse=True)
def threads_as_they_are() -> Iterator[None]:
    """Leave the threads of this process: TensorFlow takes their number before its first operation.

    That they are those of the training is compared in tests/pipeline/test_portable.py.
    """
    from stages.network import portable, predict

    def deterministic(*, threads: int) -> None:  # noqa: ARG001
        portable.tf.config.experimental.enable_op_determinism()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(predict, "compute_deterministically", deterministic)
        yield


def run(
    paths: Inputs,
    *,
    threshold: float = 0.5,
    tta: Literal["none", "d4"] = "none",
    subgroups: Sequence[str] = (),
) -> str:
    params = EvaluateParams(
        threshold=threshold,
        target_sensitivity=0.95,
        bootstrap_replicates=2000,
        tta=tta,
        subgroups=list(subgroups),
    )
    return evaluate(params, profile="synthetic", **paths)


@dataclass(frozen=True)
class Done:
    """What the stage was given and has written: read it alone."""

    paths: Inputs
    line: str


def done_in(folder: Path, model_keras: Path, **given: Any) -> Done:
    paths = world_in(folder, model_keras)(**given)
    return Done(paths, run(paths))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, model_keras: Path) -> Done:
    return done_in(tmp_path_factory.mktemp("plain"), model_keras)


@pytest.fixture(scope="module")
def with_external(tmp_path_factory: pytest.TempPathFactory, model_keras: Path) -> Done:
    return done_in(tmp_path_factory.mktemp("with_external"), model_keras, external=BOTH)


def test_the_stage_measures_and_says_so(plain: Done) -> None:
    paths = plain.paths

    assert plain.line == (
        "4 test cells: accuracy 0.750, sensitivity 0.500, specificity 1.000, ROC AUC 0.750 "
        f"(SYNTHETIC data) → {paths['test_report']}, {paths['report_html']}"
    )
    results = json.loads(paths["test_report"].read_text())
    assert set(results) == {
        "data",
        "warnings",
        "threshold",
        "target_sensitivity",
        "operating_threshold",
        "temperature",
        "validation",
        "test",
    }
    assert results["data"] == "synthetic"
    assert results["test"]["confusion"]["false_negative"] == 1
    assert "SYNTHETIC DATA" in paths["report_html"].read_text()


@pytest.mark.parametrize(
    ("verified", "name"),
    [
        (True, "C-NMC 2019, inventory verified"),
        (False, "unverified archive in the layout of C-NMC 2019"),
    ],
)
def test_other_data_are_called_what_they_are_known_to_be(
    world: World, *, verified: bool, name: str
) -> None:
    paths = world(synthetic=False, verified=verified)

    assert f"({name})" in run(paths)
    assert json.loads(paths["test_report"].read_text())["data"] == name
    page = paths["report_html"].read_text()
    assert f"Data: {name} ·" in page
    assert "SYNTHETIC" not in page


def test_every_figure_can_be_recomputed_from_the_predictions(world: World) -> None:
    paths = world(external=[*BOTH, ("all", 127), ("hem", 128)])
    run(paths, threshold=0.4)

    predictions = pd.read_csv(paths["predictions_csv"])
    results = json.loads(paths["test_report"].read_text())

    columns = ["split", "image", "subject", "fold", "label", "p_all", "logit", "area", "brightness"]
    assert list(predictions) == columns
    for part in ("test", "external"):
        rows = predictions[predictions["split"] == part]
        for name, value in measure(rows, threshold=0.4).items():
            assert results[part][name] == value, name


def test_each_external_set_is_measured_apart_though_images_have_the_same_names(
    world: World, plain: Done
) -> None:
    sets = {"zurich": (("all", 250), ("hem", 10)), "Oslo": (("all", 5), ("hem", 240), ("all", 60))}
    paths = world(sets=sets)
    run(paths)

    results = json.loads(paths["test_report"].read_text())
    assert list(results)[-3:] == ["test", "zurich", "Oslo"]
    assert [results[name]["accuracy"] for name in sets] == [1.0, 0.0]
    assert results["test"] == json.loads(plain.paths["test_report"].read_text())["test"]
    predictions = pd.read_csv(paths["predictions_csv"])
    assert predictions["split"].tolist()[-5:] == ["zurich"] * 2 + ["Oslo"] * 3
    brightness = [level for cells in sets.values() for _, level in cells]
    assert predictions["brightness"].tolist()[-5:] == brightness
    page = paths["report_html"].read_text()
    assert '<section id="set-Oslo">' in page


def test_the_names_of_the_results_are_taken(with_external: Done) -> None:
    results = json.loads(with_external.paths["test_report"].read_text())
    assert set(results) <= TAKEN_NAMES | {"test"}
    assert measured_parts(results) == ["test", "external"]


def test_own_cells_are_called_own_cells(world: World) -> None:
    paths = world(synthetic=False)
    report = json.loads(paths["download_report"].read_text())
    paths["download_report"].write_text(json.dumps(report | {"layout": "class folders"}))

    assert "(own cells in class folders)" in run(paths)
    assert "C-NMC 2019" not in paths["report_html"].read_text().split("Intended use")[0]


def test_p_all_is_written_with_eight_decimals(world: World) -> None:
    paths = world(test=[(label, level) for level in range(0, 256, 5) for label in ("all", "hem")])
    run(paths)

    text = pd.read_csv(paths["predictions_csv"], dtype=str)["p_all"]
    assert text.str.fullmatch(r"[01]\.\d{8}").all()


def test_only_test_cells_are_in_the_curve_and_the_confusion(
    plain: Done, with_external: Done
) -> None:
    for name in ("roc_csv", "confusion_csv"):
        assert with_external.paths[name].read_bytes() == plain.paths[name].read_bytes()
    assert len(pd.read_csv(with_external.paths["confusion_csv"])) == 4


def test_a_second_run_writes_the_same_bytes(with_external: Done) -> None:
    paths = with_external.paths
    first = {name: paths[name].read_bytes() for name in OUTPUTS}
    for name in OUTPUTS:
        paths[name].unlink()
    run(paths)

    assert {name: paths[name].read_bytes() for name in OUTPUTS} == first


def test_what_is_chosen_is_chosen_on_validation_and_goes_with_the_model(
    world: World, plain: Done
) -> None:
    chosen = json.loads(plain.paths["model_metadata"].read_text())
    paths = world(test=[("all", 10), ("hem", 250), ("all", 20), ("hem", 240)])
    run(paths)
    assert json.loads(paths["model_metadata"].read_text()) == chosen
    assert chosen["class_names"] == ["hem", "all"]
    assert chosen["temperature"] > 0
    run(world(val=[("all", 90), ("hem", 120), ("all", 80), ("hem", 100)]))
    assert json.loads(paths["model_metadata"].read_text()) != chosen


def test_test_time_augmentation_stands_beside_the_plain_result(
    world: World, with_external: Done
) -> None:
    plain = json.loads(with_external.paths["test_report"].read_text())
    paths = world(external=BOTH)
    run(paths, tta="d4")
    both = json.loads(paths["test_report"].read_text())
    for part in ("test", "external"):
        augmented = both[part].pop("tta")
        assert augmented["confusion"] == plain[part]["confusion"]
    assert both == plain
    predictions = pd.read_csv(paths["predictions_csv"])
    assert predictions["p_all_tta"].to_numpy() == pytest.approx(predictions["p_all"], abs=1e-6)


def test_the_gallery_is_pictures_of_cells(plain: Done) -> None:
    paths = plain.paths
    names = sorted(path.name for path in paths["gallery"].iterdir())
    assert names == ["least_certain_cells.png", "most_confident_errors.png"]
    with Image.open(paths["gallery"] / names[0]) as picture:
        assert min(picture.size) > 100


def test_leakage_is_said_in_the_metrics_and_in_the_report(world: World) -> None:
    paths = world(leakage={"subjects_in_train_and_test": 60})
    run(paths)

    warning = json.loads(paths["test_report"].read_text())["warnings"][0]
    assert "subjects in train and test: 60" in warning
    assert warning in paths["report_html"].read_text()


def test_external_cells_of_one_class_leave_null_and_a_reason(world: World) -> None:
    paths = world(external=[("all", 200), ("all", 90)])
    run(paths)

    external = json.loads(paths["test_report"].read_text())["external"]
    assert external["sensitivity"] == 0.5
    assert external["roc_auc"] is None
    assert external["undefined"][0].startswith("every cell is of class all: no ")


SIX_A_CLASS = tuple(("all", 200 + n) for n in range(6)) + tuple(
    ("hem", 60 + n * 20) for n in range(6)
)


def test_without_subjects_the_intervals_are_by_cell_and_say_why_they_are_too_narrow(
    world: World,
) -> None:
    unknown = {"subjects": None, "fields": None, "identical_images": 0}
    paths = world(test=SIX_A_CLASS, external=BOTH, subjects=False, leakage=unknown)

    line = run(paths)

    assert "over cells, too narrow: subjects are not known)" in line
    results = json.loads(paths["test_report"].read_text())
    test = results["test"]
    assert test["subjects"] is None
    assert test["by_subject"]["undefined"] == ["no figures by subject: subjects are not known"]
    assert test["cell_intervals"]["accuracy"]
    assert test["cell_intervals"]["too_narrow"] == [TOO_NARROW]
    leakage, narrow = results["warnings"]
    assert leakage.startswith("Leakage is unknown: nobody knows whether the parts of the split ")
    assert narrow == f"Of the cells in test and external {TOO_NARROW}."
    page = paths["report_html"].read_text()
    assert page.count(TOO_NARROW) >= 4
    assert "No leakage found" not in page
    assert "<b>Leakage: unknown.</b>" in page
    assert '<th scope="row">leakage: subjects</th><td>unknown</td>' in page
    assert "Test: unknown. No figures by subject: subjects are not known." in page
    assert page.count(", subject unknown</figcaption>") > 3  # they are no one subject
    assert pd.read_csv(paths["predictions_csv"])["subject"].isna().all()


def test_carried_columns_are_measured_as_subgroups(world: World) -> None:
    carried = {"scanner": lambda row: "AB"[row % 2], "stain": lambda row: "" if row else "May"}
    paths = world(test=SIX_A_CLASS, carried=carried)

    run(paths, subgroups=["scanner", "stain"])

    subgroups = json.loads(paths["test_report"].read_text())["test"]["subgroups"]
    assert list(subgroups) == ["fold", "area", "brightness", "scanner", "stain", "subject"]
    assert [(group["name"], group["cells"]) for group in subgroups["scanner"]] == [
        ("A", 6),
        ("B", 6),
    ]
    assert {group["name"] for group in subgroups["stain"]} == {"not given", "May"}
    assert "Test cells by scanner; in brackets 95 %" in paths["report_html"].read_text()
    assert list(pd.read_csv(paths["predictions_csv"]))[-2:] == ["scanner", "stain"]


@pytest.mark.parametrize(
    ("carried", "wanted", "problem"),
    [
        (["scanner", "stain"], "scaner", r"names 'scaner', .* available: scanner, stain\. Correct"),
        (["scanner"], "label", r"names 'label', .* available: scanner\. Correct"),
        (["area"], "area", r"available: none: the set's own table has no further columns\. Corr"),
        (
            ["age"],
            "age",
            r"names 'age', which has 40 values in .*cells.csv, expected at most 30; p",
        ),
    ],
)
def test_an_unknown_subgroup_is_refused_with_those_that_there_are(
    world: World, carried: list[str], wanted: str, problem: str
) -> None:
    paths = world(
        test=[*BOTH] * 17, carried={name: lambda row: str(min(row, 39)) for name in carried}
    )

    with pytest.raises(StageError, match=problem):
        run(paths, subgroups=[wanted])
    assert not any(paths[name].exists() for name in OUTPUTS)


@pytest.mark.parametrize("test", [(), (("all", 9), ("all", 8))])
def test_a_test_split_without_both_classes_stops_the_stage(
    world: World, test: tuple[tuple[str, int], ...]
) -> None:
    paths = world(test=test, external=BOTH)

    with pytest.raises(StageError, match="the test split holds 0 of hem, "):
        run(paths)
    assert not any(paths[name].exists() for name in OUTPUTS)


@pytest.mark.parametrize(
    ("trained", "difference"),
    [
        ({"crop_size": 360}, "crop_size 360, now 450;"),
        ({"image_size": 64}, f"image_size 64, now {SIZE};"),
        ({"class_names": ["all", "hem"]}, r"class_names \['all', 'hem'\], now \['hem', 'all'\];"),
    ],
)
def test_a_model_of_other_cells_than_those_in_the_shards_stops_the_stage(
    world: World, trained: dict[str, Any], difference: str
) -> None:
    paths = world()
    report = json.loads(paths["train_report"].read_text())
    paths["train_report"].write_text(json.dumps(report | {"cells": report["cells"] | trained}))

    with pytest.raises(StageError, match=rf"train.json: .* the shards: {difference} train it"):
        run(paths)
    assert not any(paths[name].exists() for name in OUTPUTS)


def test_the_command_runs_whatever_backend_the_user_has_chosen_for_keras(world: World) -> None:
    paths = world()
    folder = paths["test_report"].parents[1]
    shutil.copy(ROOT / "params.yaml", folder)
    options = [f"--{name.replace('_', '-')}={path}" for name, path in paths.items()]

    done = subprocess.run(
        [sys.executable, "-m", "stages.evaluate", *options],
        cwd=folder,
        env=os.environ | {"KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("evaluate: 4 test cells: accuracy 0.750, ")


def test_every_path_is_an_argument_of_the_fixture(world: World) -> None:
    named = set(inspect.signature(evaluate).parameters) - {"params", "profile"}

    assert named == set(world())
