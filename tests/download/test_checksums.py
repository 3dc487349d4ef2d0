from __future__ import annotations

import bz2
import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from stages.dataset.archive import ArchiveError
from stages.download.checksums import CHUNK, digest_members
from tests.conftest import ROOT, TRAINING, WriteArchive, tiny_members

METHODS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2]
IMAGE = f"{TRAINING}/fold_1/all/UID_1_1_1_all.bmp"


def write(path: Path, members: dict[str, bytes], method: int) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def declare(path: Path, name: str, *, size: int | None = None, crc: int | None = None) -> None:
    """Let the directory, and it alone, declare another size or CRC-32 of a member."""
    with zipfile.ZipFile(path, "a") as archive:
        info = archive.getinfo(name)
        info.file_size = info.file_size if size is None else size
        info.CRC = info.CRC if crc is None else crc
        archive.comment = b"written again"


def failure(path: Path) -> str:
    with pytest.raises(ArchiveError) as caught:
        digest_members(path)
    return str(caught.value)


@pytest.mark.parametrize("method", METHODS)
def test_each_file_has_its_sha256(tmp_path: Path, method: int) -> None:
    noise = os.urandom(CHUNK)
    members = tiny_members() | {
        "empty": b"",
        "black": bytes(3 * CHUNK + 1),
        "long": noise * 3 + b"end",
        "folder/": b"",
    }
    path = write(tmp_path / "cnmc.zip", members, method)
    del members["folder/"]
    assert {name: digest.sha256 for name, digest in digest_members(path).items()} == {
        name: hashlib.sha256(content).hexdigest() for name, content in members.items()
    }


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("place", [0, 0.5, 0.99])
def test_a_flipped_bit_is_found_in_any_compression(
    tmp_path: Path, method: int, place: float
) -> None:
    path = write(tmp_path / "cnmc.zip", tiny_members(), method)
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(IMAGE)
    content = bytearray(path.read_bytes())
    start = info.header_offset + 30 + len(IMAGE)
    content[start + int(place * info.compress_size)] ^= 16
    path.write_bytes(content)
    assert failure(path).startswith(f"{IMAGE} is corrupt (")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("size", "relation"), [(10, "more"), (10_000_000, "less")])
def test_a_member_of_another_size_than_declared_is_refused(
    tmp_path: Path, method: int, size: int, relation: str
) -> None:
    path = write(tmp_path / "cnmc.zip", {IMAGE: bytes(4 * CHUNK)}, method)
    declare(path, IMAGE, size=size)
    assert failure(path) == (
        f"{IMAGE} is corrupt (it unpacks to {relation} than the {size:,} bytes that it declares)"
    )


@pytest.mark.integration
def test_a_member_is_given_up_at_the_first_chunk_too_many(tmp_path: Path) -> None:
    path = write(tmp_path / "cnmc.zip", {IMAGE: os.urandom(4 * CHUNK)}, zipfile.ZIP_BZIP2)
    content = bytearray(path.read_bytes())
    content[3 * CHUNK] ^= 1  # what lies there is not even read
    path.write_bytes(content)
    assert "Invalid data stream" in failure(path)
    declare(path, IMAGE, size=10)
    assert "unpacks to more than the 10 bytes" in failure(path)


def test_a_checksum_that_does_not_fit_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "cnmc.zip", {IMAGE: b"123456789"}, zipfile.ZIP_STORED)
    declare(path, IMAGE, crc=0xCBF43927)
    expected = f"{IMAGE} is corrupt (its CRC-32 is cbf43926, expected cbf43927)"
    assert failure(path) == expected


def test_a_member_under_another_name_in_its_own_header_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "cnmc.zip", {IMAGE: b"image"}, zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"UID_1_1_1", b"UID_1_1_2", 1))
    assert "is corrupt (File name in directory" in failure(path)


@pytest.mark.integration
def test_a_bomb_that_declares_little_is_given_up_at_once(tmp_path: Path) -> None:
    # 300 MB in 300 bytes of bzip2, which zipfile's own reader would hold in memory all at once.
    packer = bz2.BZ2Compressor()
    black = bytes(1 << 24)
    bomb = b"".join(packer.compress(black) for _ in range(18)) + packer.flush()
    path = write(tmp_path / "cnmc.zip", {IMAGE: bomb}, zipfile.ZIP_STORED)
    for field in (8, 10):  # the method, in the member's header and in the directory's entry
        content = bytearray(path.read_bytes())
        start = content.index(b"PK\x03\x04" if field == 8 else b"PK\x01\x02")
        content[start + field] = zipfile.ZIP_BZIP2
        path.write_bytes(content)
    declare(path, IMAGE, size=600_000)
    code = (
        "import resource, sys; from pathlib import Path;"
        f"resource.setrlimit(resource.RLIMIT_AS, ({400 << 20}, {400 << 20}));"
        "from stages.download.checksums import digest_members; digest_members(Path(sys.argv[1]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "it unpacks to more than the 600,000 bytes" in done.stderr


def test_no_file_stays_open_after_a_failure(write_archive: WriteArchive) -> None:
    path = write_archive()
    declare(path, IMAGE, crc=0)
    opened = Path("/proc/self/fd")
    if not opened.exists():
        pytest.skip("this system does not tell which files are open")
    before = len(list(opened.iterdir()))
    failure(path)
    assert len(list(opened.iterdir())) == before
