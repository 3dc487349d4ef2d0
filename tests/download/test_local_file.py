from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from stages.common.errors import StageError
from stages.download.local_file import copy_file, local_path

UMLAUT = "Zellen für Łódź.zip"


def failure(source: Path) -> str:
    with pytest.raises(StageError) as caught:
        copy_file(source, source.with_name("copy"), expected="expected a zip")
    return str(caught.value)


@pytest.mark.parametrize(
    ("there", "given"),
    [
        ("A.ZIP", "a.zip"),
        ("a.zip ", "a.zip"),
        ("a.zip", "a.zip "),
        (" a.zip", "a.zip"),
        (unicodedata.normalize("NFD", UMLAUT), UMLAUT),
        (UMLAUT, unicodedata.normalize("NFD", UMLAUT)),
    ],
)
def test_a_name_that_looks_the_same_is_told(tmp_path: Path, there: str, given: str) -> None:
    (tmp_path / there).touch()
    assert f"is not a file, but {there!a} is there: the names" in failure(tmp_path / given)


@pytest.mark.parametrize("given", [" sets/a.zip", r"sets\a.zip", r" sets\a.zip"])
def test_a_path_with_spaces_or_backslashes_around_is_told_how_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("sets").mkdir()
    Path("sets/a.zip").touch()
    with pytest.raises(StageError, match=r"but sets/a\.zip is there: give it without spaces at"):
        copy_file(local_path(given), tmp_path / "copy", expected="a zip")


@pytest.mark.parametrize("name", ["a\nb.zip", "a\tb.zip", "\x1b[31ma.zip", "\udcff.zip", "\0.zip"])
def test_what_cannot_be_shown_does_not_break_the_line(tmp_path: Path, name: str) -> None:
    told = failure(tmp_path / name)
    assert told == f"{str(tmp_path / name)!a} is not a file; expected a zip"


@pytest.mark.parametrize(
    "name", ["it's.zip", 'a "b".zip', "$HOME.zip", "#1.zip", "100%.zip", "a\nb.zip", "-f.zip", "a "]
)
def test_a_path_with_any_letter_is_copied(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"an archive")
    copy_file(local_path(str(tmp_path / name)), tmp_path / "copy", expected="")
    assert (tmp_path / "copy").read_bytes() == b"an archive"
