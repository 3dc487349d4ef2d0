from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from stages.common.errors import StageError
from stages.dataset.cell_table import read_cells, write_cells
from stages.dataset.external_sets import external_sets
from tests.conftest import WriteArchive, tiny_members
from tests.external_sets import no_external_sets, with_external_sets
from tests.own_sets import encoded, picture

PICTURES = {"all/1.png": encoded(picture(1)), "hem/1.png": encoded(picture(2))}


def test_the_preliminary_set_is_the_first_and_the_others_follow_in_their_order(
    write_archive: WriteArchive, tmp_path: Path
) -> None:
    folder = with_external_sets(tmp_path, {"b": PICTURES, "a": PICTURES})
    found = external_sets(write_archive(), folder)
    assert [external.name for external in found] == ["external", "b", "a"]
    assert [external.choices is None for external in found] == [True, False, False]
    assert [len(external.cells) for external in found] == [2, 2, 2]


def test_without_preliminary_images_and_without_a_list_there_is_none(
    write_archive: WriteArchive, tmp_path: Path
) -> None:
    archive = write_archive(tiny_members(external=0))
    assert external_sets(archive, no_external_sets(tmp_path)) == []


@pytest.mark.parametrize("content", [None, "[", "{}", '{"sets": [{"name": "a"}]}'])
def test_a_list_that_cannot_be_read_is_told(
    write_archive: WriteArchive, tmp_path: Path, content: str | None
) -> None:
    if content is not None:
        (tmp_path / "sets.json").write_text(content)
    with pytest.raises(StageError, match=r"sets\.json cannot be read .*--force download`"):
        external_sets(write_archive(), tmp_path)


def test_an_image_may_stand_in_two_external_sets_and_not_twice_in_one(
    write_archive: WriteArchive, tmp_path: Path
) -> None:
    folder = with_external_sets(tmp_path, {"b": PICTURES, "a": PICTURES})
    sets = external_sets(write_archive(tiny_members(external=0)), folder)
    tables = [found.cells.assign(group="", split=found.name) for found in sets]
    path = tmp_path / "external.csv"
    write_cells(pd.concat(tables), path)
    assert read_cells(path, external=True)["split"].tolist() == ["b", "b", "a", "a"]
    write_cells(pd.concat([*tables, tables[0]]), path)
    with pytest.raises(StageError, match=r"all/1\.png stands in two rows"):
        read_cells(path, external=True)
