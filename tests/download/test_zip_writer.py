from __future__ import annotations

import hashlib
import os
import threading
import zipfile
from pathlib import Path

import pytest

from stages.download.zip_writer import write_zip

CONTENTS = {"a/image.bmp": bytes(range(256)) * 100, "b/ü.csv": b""}


def test_the_bytes_depend_on_names_and_contents_alone(tmp_path: Path) -> None:
    _write(tmp_path / "made.zip", CONTENTS)
    # Seen with Python 3.11; a change would change the hash of every archive that was packed.
    assert hashlib.sha256((tmp_path / "made.zip").read_bytes()).hexdigest() == (
        "c1ba13e820e997eca17a976940240908b8cc833d2f540a2f1600bb0da0b5d331"
    )


def test_the_bytes_are_those_of_zipfile_itself(tmp_path: Path) -> None:
    _write(tmp_path / "made.zip", CONTENTS, comment=b"comment")
    with zipfile.ZipFile(tmp_path / "expected.zip", "w") as archive:
        archive.comment = b"comment"
        for member, content in CONTENTS.items():
            info = zipfile.ZipInfo(member, date_time=(1980, 1, 1, 0, 0, 0))
            info.create_system, info.external_attr = 3, 0o644 << 16
            archive.writestr(info, content, zipfile.ZIP_BZIP2)
    assert (tmp_path / "made.zip").read_bytes() == (tmp_path / "expected.zip").read_bytes()


def test_members_are_plain_files_in_bzip2_without_a_date(tmp_path: Path) -> None:
    _write(tmp_path / "made.zip", {"image.bmp": b"image"})
    with zipfile.ZipFile(tmp_path / "made.zip") as archive:
        info = archive.getinfo("image.bmp")
    assert info.date_time == (1980, 1, 1, 0, 0, 0)
    assert info.create_system == 3
    assert info.external_attr == 0o644 << 16
    assert info.compress_type == zipfile.ZIP_BZIP2


def test_the_order_is_the_given_one_though_a_later_member_is_made_first(tmp_path: Path) -> None:
    later = threading.Event()

    def first() -> bytes:
        assert later.wait(60), "the second member must be made beside the first"
        return b"first"

    def second() -> bytes:
        later.set()
        return b"second"

    if (os.cpu_count() or 1) < 2:
        pytest.skip("one core makes one member after the other")
    write_zip(tmp_path / "made.zip", {"z": first, "a": second}, description="Packing")
    with zipfile.ZipFile(tmp_path / "made.zip") as archive:
        assert archive.namelist() == ["z", "a"]
        assert archive.testzip() is None
        assert [archive.read(name) for name in "za"] == [b"first", b"second"]


def test_few_contents_are_held_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    made: list[int] = []

    def content(number: int) -> bytes:
        if number == 0:
            release.wait(1)
        made.append(number)
        return b"content"

    release = threading.Event()
    write_zip(
        tmp_path / "made.zip",
        {str(number): lambda number=number: content(number) for number in range(50)},
        description="Packing",
    )
    ahead_of_the_first = made.index(0)
    assert ahead_of_the_first <= 5


def test_an_unreadable_content_ends_it_with_its_own_error(tmp_path: Path) -> None:
    def unreadable() -> bytes:
        raise PermissionError("not yours")

    with pytest.raises(PermissionError, match="not yours"):
        write_zip(tmp_path / "made.zip", {"a": unreadable, "b": lambda: b""}, description="Packing")


def _write(path: Path, contents: dict[str, bytes], *, comment: bytes = b"") -> None:
    callables = {member: (lambda content=content: content) for member, content in contents.items()}
    write_zip(path, callables, description="Packing", comment=comment)
