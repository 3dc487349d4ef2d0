from __future__ import annotations

import io
import zipfile

import pytest

from stages.dataset.archive import ArchiveError
from stages.download.zip_directory import MAX_RATIO, MAX_TOTAL, check_directory


def archive_of(*members: zipfile.ZipInfo) -> zipfile.ZipFile:
    """An archive whose directory declares these members."""
    archive = zipfile.ZipFile(io.BytesIO(), "w")
    archive.close()
    archive.filelist.extend(members)
    return archive


def member(name: str = "a/image.bmp", **declared: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.file_size, info.compress_size = 1_000, 500
    for field, value in declared.items():
        setattr(info, field, value)
    return info


def failure(*members: zipfile.ZipInfo) -> str:
    with pytest.raises(ArchiveError) as caught:
        check_directory(archive_of(*members))
    return str(caught.value)


def test_an_honest_directory_passes() -> None:
    check_directory(
        archive_of(
            member("a/", file_size=0, compress_size=0, external_attr=0o040755 << 16),
            member("a/image.bmp", external_attr=0o100644 << 16),
            member("a/image", compress_type=zipfile.ZIP_DEFLATED, external_attr=0o644 << 16),
            member("./b/ü …image.bmp", compress_type=zipfile.ZIP_BZIP2),
            member("b/empty", file_size=0, compress_size=0),
            member("__MACOSX/b/..image"),
        )
    )


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("/etc/passwd", "has an absolute name"),
        ("C:/image.bmp", "has an absolute name"),
        ("c:image.bmp", "has an absolute name"),
        ("../image.bmp", "leads out of its folder"),
        ("a/../../image.bmp", "leads out of its folder"),
        ("a/..", "leads out of its folder"),
        ("a\\..\\image.bmp", "has a backslash in its name"),
        ("\\\\server\\image.bmp", "has a backslash in its name"),
        ("a\nimage.bmp", "has a name that cannot be shown"),
        ("a\x1b[2Jimage.bmp", "has a name that cannot be shown"),
        ("image.bmp\0.txt", "has a name that cannot be shown"),
        ("", "has a name that cannot be shown"),
        (".", "has a name that cannot be shown"),
    ],
)
def test_a_name_that_could_do_harm_is_refused(name: str, problem: str) -> None:
    assert failure(member(), member(name)).startswith(f"{name!r} {problem}")


@pytest.mark.parametrize(
    ("first", "second"),
    [("a/b", "a/b"), ("a/b", "./a/b"), ("a//b", "a/b"), ("a/b", "a/./b"), ("a/b", "a/b/")],
)
def test_a_name_that_stands_twice_is_refused(first: str, second: str) -> None:
    assert failure(member(first), member(second)) == f"{second} stands in it twice"


@pytest.mark.parametrize(
    ("declared", "problem"),
    [
        ({"external_attr": 0o120777 << 16}, "is a symbolic link"),
        ({"external_attr": 0o010644 << 16}, "is neither a file nor a folder"),
        ({"external_attr": 0o060644 << 16}, "is neither a file nor a folder"),
        ({"flag_bits": 0x1}, "is encrypted"),
        ({"flag_bits": 0x40}, "is encrypted"),
        ({"compress_type": zipfile.ZIP_LZMA}, "is compressed by method 14; expected deflate, bz"),
        ({"compress_type": 9}, "is compressed by method 9"),
    ],
)
def test_what_is_no_plain_file_is_refused(declared: dict[str, int], problem: str) -> None:
    assert failure(member(**declared)).startswith(f"a/image.bmp {problem}")


def test_a_ratio_beyond_reason_is_refused_for_each_member() -> None:
    honest = [member(f"{number}.bmp") for number in range(99)]
    largest = member(file_size=500 * MAX_RATIO)
    check_directory(archive_of(*honest, largest))
    bomb = member(file_size=500 * MAX_RATIO + 1)
    assert failure(*honest, bomb) == (
        "a/image.bmp declares 500,001 bytes packed into 500, which no image is "
        "(more than 1,000 to 1)"
    )
    assert "declares 1 bytes packed into 0" in failure(member(file_size=1, compress_size=0))


def test_a_total_beyond_reason_is_refused() -> None:
    halves = [member(name, file_size=MAX_TOTAL // 2, compress_size=MAX_TOTAL) for name in "ab"]
    check_directory(archive_of(*halves))
    assert failure(*halves, member()).startswith(
        "its files declare 30,000,001,000 bytes unpacked, expected at most 30,000,000,000"
    )
