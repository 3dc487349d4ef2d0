from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from stages.common.errors import StageError
from stages.cross_validation.members import Member, read_members
from tests.cross_validation.scene import FOLDS, SEEDS, TRAIN


def read(made: Path) -> list[Member]:
    return read_members(made / "predictions", made / "folds", numbers=FOLDS, seeds=SEEDS)


def test_all_members_are_read_by_fold_and_seed(made: Path) -> None:
    assert [(member.fold, member.seed) for member in read(made)] == [
        (fold, seed) for fold in FOLDS for seed in SEEDS
    ]


def test_what_is_left_of_other_members_is_removed(
    made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = made / "predictions/fold-4-seed-1"
    other.mkdir()
    (made / "predictions/notes").mkdir()
    read(made)
    assert not other.exists()
    assert (made / "predictions/notes").exists()
    assert re.search("Removed .*fold-4-seed-1", capsys.readouterr().out)


def edit_predictions(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        path = folder / "predictions.csv"
        table = pd.read_csv(path, dtype={"subject": "str"})
        change(table).to_csv(path, index=False)

    return edit


def edit_member(**changes: object) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        path = folder / "member.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return edit


def remove(folder: Path) -> None:
    (folder / "predictions.csv").unlink()


@pytest.mark.parametrize(
    ("edit", "complaint"),
    [
        (remove, r"fold-2-seed-1 is not as predict writes it \(.*No such file"),
        (edit_member(fold=1), "holds the predictions of fold 1, seed 1"),
        (edit_member(cells_sha256="x"), r"another fold-2\.csv: of another archive, or other folds"),
        (
            edit_member(train=TRAIN | {"settings_sha256": "others"}),
            "fold-1-seed-1 and fold-2-seed-1 were not trained alike: .* settings_sha256",
        ),
        (
            edit_predictions(lambda rows: rows[rows["image"] != "all_1_0.bmp"]),
            r"lacks all_1_0\.bmp of test \(1 in all\)",
        ),
        (
            edit_predictions(lambda rows: pd.concat([rows, rows[rows["split"] == "test"]])),
            r"doubles all_1_0\.bmp of test \(24 in all\)",
        ),
        (
            edit_predictions(
                lambda rows: rows.assign(image=rows["image"].replace("all_1_0.bmp", "other.bmp"))
            ),
            r"lacks all_1_0\.bmp",
        ),
        (edit_predictions(lambda rows: rows.drop(columns="logit")), "not as predict writes it"),
    ],
)
def test_members_that_do_not_belong_together_are_refused(
    made: Path, edit: Callable[[Path], None], complaint: str
) -> None:
    edit(made / "predictions/fold-2-seed-1")
    with pytest.raises(StageError, match=f"{complaint}.*`dvc repro cross_validation/dvc.yaml`"):
        read(made)
