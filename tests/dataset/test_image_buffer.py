from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from stages.common.errors import StageError
from stages.dataset import image_buffer as room
from stages.dataset.image_buffer import ALIGNMENT, allocate_images, free_memory
from tests.conftest import ROOT

SHAPE = (5, 4, 4, 3)


@pytest.mark.parametrize("free", [2 * 5 * 48, 2 * 5 * 48 - 1])
def test_images_are_in_memory_where_half_of_it_suffices(
    free: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(room, "free_memory", lambda: free)
    images, in_memory = allocate_images(SHAPE, folder=tmp_path, name="train")
    assert in_memory is (free == 2 * 5 * 48)
    told = "" if in_memory else f"they are held in a file in {tmp_path}\n"
    assert capsys.readouterr().out.endswith(told)
    assert (images.shape, images.dtype) == (SHAPE, np.uint8)
    assert images.ctypes.data % ALIGNMENT == 0
    assert images.flags.carray
    images[:] = 7
    assert images.min() == 7
    assert list(tmp_path.iterdir()) == []  # the file has no name


def test_a_full_disk_is_told_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "free_memory", lambda: 0)
    with pytest.raises(StageError, match=r"no file of 3,000,000,000,000,000 bytes.*; free some"):
        allocate_images((10**9, 1000, 1000, 3), folder=tmp_path, name="train")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a file may grow as it is written")
def test_the_disk_is_taken_at_once(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        room._reserve(file.fileno(), 2**20)
        assert os.fstat(file.fileno()).st_blocks * 512 >= 2**20


def test_where_memory_is_refused_the_images_are_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: int) -> None:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    monkeypatch.setattr(room, "_anonymous_memory", refused)
    images, in_memory = allocate_images(SHAPE, folder=tmp_path, name="train")
    assert (images.shape, in_memory) == (SHAPE, False)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("limited", ["", "job", "job/step"])
def test_a_job_or_a_container_has_less_than_the_machine(
    limited: str, version: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proc, top = tmp_path / "proc", tmp_path / "cgroup"
    monkeypatch.setattr(room, "_PROC", proc)
    monkeypatch.setattr(room, "_CGROUP", top)
    (proc / "self").mkdir(parents=True)
    (proc / "meminfo").write_text("MemAvailable:  20 kB\n")
    (proc / "self/cgroup").write_text(
        "0::/job/step\n" if version == 2 else "5:cpu:/\n4:hugetlb,memory:/job/step\n"
    )
    assert free_memory() == 20 * 1024
    group = top / ("memory" if version == 1 else "") / limited
    group.mkdir(parents=True)
    limit, used, files = room._V1 if version == 1 else room._V2
    (group / used).write_text("5000\n")
    (group / "memory.stat").write_text(f"anon 4000\n{files} 1000\n")
    for most, free in ((9000, 5000), (3000, 0), (2**63 - 4096, 20 * 1024), ("max", 20 * 1024)):
        (group / limit).write_text(f"{most}\n")
        assert free_memory() == free


def test_free_memory_is_no_more_than_the_machine_has() -> None:
    assert 0 < free_memory() <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
def test_images_in_a_file_take_no_memory_of_the_process(tmp_path: Path) -> None:
    program = f"""
import re
from pathlib import Path
import numpy as np
from stages.dataset import image_buffer as room
def held():
    return int(re.search(r"RssAnon:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024
room.free_memory = lambda: 0
before = held()
images, _ = room.allocate_images((100, 1000, 1000, 3), folder=Path({str(tmp_path)!r}), name="train")
for image in images:
    image[:] = 1
print((held() - before) / images.nbytes)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert float(done.stdout.splitlines()[-1]) < 0.05
