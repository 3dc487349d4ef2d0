"""What is taken of folders, and in what order."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stages.common.errors import StageError
from stages.download import set_layout
from stages.predict.image_sources import IMAGE_NAMES, image_sources


def names(*arguments: str) -> list[str]:
    return [source.name for source in image_sources(arguments, left_out=[].append)]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("a/b.png", "a/b/c.png", "a/b-.png", "a/b0.PNG", "a/.b/c.png", "a/c.txt", "d.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"no image")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("here")
def test_the_order_is_that_of_the_paths_though_no_list_of_all_is_made() -> None:
    found = names("a")
    assert found == sorted(found) == ["a/b-.png", "a/b.png", "a/b/c.png", "a/b0.PNG"]
    assert names("a/") == found


@pytest.mark.usefixtures("here")
def test_what_is_left_out_is_told() -> None:
    told: list[str] = []
    assert len(list(image_sources(["a", "d.png"], left_out=told.append))) == 5
    assert told == ["a/c.txt"]


@pytest.mark.usefixtures("here")
def test_what_is_named_is_read_whatever_its_name() -> None:
    assert names("a/c.txt", "a/*.txt") == ["a/c.txt", "a/c.txt"]


def test_a_glob_is_sorted_and_a_path_with_its_letters_is_a_path(here: Path) -> None:
    assert names("**/b*.[pP]*") == ["a/b-.png", "a/b.png", "a/b0.PNG"]
    (here / "[d].png").touch()
    assert names("[d].png") == ["[d].png"]
    assert names("x*.png") == ["x*.png"]  # which is then told to be no file


def test_a_link_that_leads_back_is_followed_once(here: Path) -> None:
    (here / "a/b/back").symlink_to(here / "a")
    (here / "a/z").symlink_to(here / "a/b")
    assert names("a") == ["a/b-.png", "a/b.png", "a/b/c.png", "a/b0.PNG", "a/z/c.png"]


def test_what_is_neither_file_nor_folder_is_not_waited_for(here: Path) -> None:
    os.mkfifo(here / "a/pipe.png")
    (source,) = image_sources(["a/pipe.png"], left_out=print)
    with pytest.raises(StageError, match="neither file nor folder"):
        source.read()


def test_names_of_images_are_those_of_a_set_that_is_brought() -> None:
    assert set(IMAGE_NAMES) == {*set_layout._READ, *set_layout._NOT_READ}
