from __future__ import annotations

import contextlib
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stages.common.errors import StageError
from stages.dataset.cell_table import COLUMNS, SPLITS, read_cells, write_cells
from stages.dataset.image_names import ImageName, parse_image_name

TWO_CELLS = """\
image,member,label,subject,field,cell,fold,group,split
UID_1_2_3_all.bmp,a/UID_1_2_3_all.bmp,all,1,2,3,fold_0,1,train
UID_H1_2_3_hem.bmp,a/UID_H1_2_3_hem.bmp,hem,H1,2,3,fold_0,H1,test
"""
NUMBERS = st.integers(0, 10**6)
TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=12)


def table(rows: list[dict[str, object]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype("str")


def failure(path: Path, text: str | bytes) -> str:
    """The one line in which the table is refused; it names the file and what to run."""
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(StageError) as caught:
        read_cells(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert message.endswith(". Make it again with `dvc repro --force --single-item split`.")
    assert "\n" not in message
    return message


@given(number=st.integers(1, 10**6), field=NUMBERS, cell=NUMBERS, healthy=st.booleans())
def test_a_name_is_parsed_into_what_it_was_made_of(
    number: int, field: int, cell: int, *, healthy: bool
) -> None:
    made = ImageName(
        subject=f"{'H' if healthy else ''}{number}",
        field=field,
        cell=cell,
        label="hem" if healthy else "all",
    )
    name = f"UID_{made.subject}_{made.field}_{made.cell}_{made.label}.bmp"
    assert parse_image_name(name) == made


def test_a_small_h_and_a_large_one_are_the_same_subject() -> None:
    assert parse_image_name("UID_h3_1_2_hem.bmp") == ImageName("H3", 1, 2, "hem")
    assert parse_image_name("UID_h3_1_2_hem.bmp") == parse_image_name("UID_H3_1_2_hem.bmp")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "UID_1_2_3_all.bmp\n",
        "\nUID_1_2_3_all.bmp",
        " UID_1_2_3_all.bmp",
        "a/UID_1_2_3_all.bmp",
        "UID_1_2_3_all.bmp.bmp",
        "uid_1_2_3_all.bmp",
        "UID_1_2_3_ALL.bmp",
        "UID_1_2_3_all.BMP",
        "UID_1_2_3_all.png",
        "UID_1_2_3_all_bmp",
        "UID_1_2_3_aml.bmp",
        "UID_1_2_all.bmp",
        "UID_1_2_3_4_all.bmp",
        "UID_0_2_3_all.bmp",
        "UID_01_2_3_all.bmp",
        "UID_-1_2_3_all.bmp",
        "UID_HH1_2_3_hem.bmp",
        "UID_H_2_3_hem.bmp",
        "UID_1__3_all.bmp",
        "UID_1_٣_3_all.bmp",  # a digit, but not of ASCII
    ],
)
def test_a_name_of_another_form_is_refused(name: str) -> None:
    with pytest.raises(StageError, match="expected an image name of the form UID_<subject>_<fie"):
        parse_image_name(name)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("UID_H1_2_3_all.bmp", "subject H1 is healthy by its name, but the class is all"),
        ("UID_h1_2_3_all.bmp", "subject H1 is healthy by its name, but the class is all"),
        ("UID_1_2_3_hem.bmp", "subject 1 is a patient by its name, but the class is hem"),
    ],
)
def test_a_class_that_is_not_the_subjects_is_refused(name: str, problem: str) -> None:
    with pytest.raises(StageError, match=f"^{name}: {problem}; expected hem for H subjects"):
        parse_image_name(name)


@given(text=st.text(max_size=30))
def test_any_other_text_is_refused_as_a_stage_error(text: str) -> None:
    with contextlib.suppress(StageError):
        parse_image_name(text)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {
                "image": TEXTS,
                "member": TEXTS,
                "label": st.sampled_from(["hem", "all"]),
                "subject": st.sampled_from(["1", "01", "H1", "NA", "nan", "", "1e5"]),
                "field": st.sampled_from(["1", "01", "", "1.0"]),
                "cell": st.sampled_from(["2", ""]),
                "fold": st.sampled_from(["fold_0", "preliminary", ""]),
                "group": TEXTS,
                "split": st.sampled_from(SPLITS),
            }
        ),
        max_size=5,
        unique_by=lambda row: row["image"],
    )
)
def test_a_table_is_read_as_it_was_written(tmp_path: Path, rows: list[dict[str, object]]) -> None:
    written = table(rows)
    write_cells(written, tmp_path / "cells.csv")
    pd.testing.assert_frame_equal(read_cells(tmp_path / "cells.csv"), written)


def test_carried_columns_stand_behind_those_of_every_table(tmp_path: Path) -> None:
    path = tmp_path / "cells.csv"
    path.write_text(TWO_CELLS)
    write_cells(read_cells(path).assign(scanner=["a", ""])[["scanner", *reversed(COLUMNS)]], path)
    cells = read_cells(path)
    assert list(cells.columns) == [*COLUMNS, "scanner"]
    assert cells["scanner"].tolist() == ["a", ""]
    write_cells(cells.drop(columns="scanner"), path)
    assert path.read_text() == TWO_CELLS


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            ",split\n",
            "\n",
            "columns are image, member, label, subject, field, cell, fold, group; e",
        ),
        (TWO_CELLS, "image,label\na,all\n", "columns are image, label; expected image, member"),
        (",group,", ",part,", "columns are image, member, label, subject, field, cell, fold, part"),
        (",test", ",tset", "split of UID_H1_2_3_hem.bmp is 'tset', expected one of train, val, te"),
        (",test\n", ",te", "split of UID_H1_2_3_hem.bmp is 'te', expected one of train, val, test"),
        (",test\n", "", "split of UID_H1_2_3_hem.bmp is '', expected one of train, val, test. M"),
        (",hem,", ",HEM,", "label of UID_H1_2_3_hem.bmp is 'HEM', expected one of hem, all"),
        (",hem,", ",,", "label of UID_H1_2_3_hem.bmp is '', expected one of hem, all"),
        ("\nUID_H1_2_3_hem.bmp", "\nUID_1_2_3_all.bmp", "UID_1_2_3_all.bmp stands in two rows"),
        (",test\n", ",test,\n", "Error tokenizing data. C error: Expected 9 fields in line 3, saw"),
        (TWO_CELLS, "", "No columns to parse from file"),
        (TWO_CELLS, b"\xff\xfe", "'utf-8' codec can't decode byte 0xff"),
    ],
)
def test_a_wrong_table_is_refused(tmp_path: Path, old: str, new: str | bytes, problem: str) -> None:
    text = new if isinstance(new, bytes) else TWO_CELLS.replace(old, new)
    assert problem in failure(tmp_path / "cells.csv", text)


def test_a_table_without_a_header_is_refused(tmp_path: Path) -> None:
    rows = "".join(TWO_CELLS.splitlines(keepends=True)[1:])
    assert "columns are UID_1_2_3_all.bmp, " in failure(tmp_path / "cells.csv", rows)


def test_a_missing_table_is_an_error_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"cells\.csv"):
        read_cells(tmp_path / "cells.csv")
