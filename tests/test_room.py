from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from stages import room
from stages.errors import StageError
from stages.room import ALIGNMENT, free_memory, room_for
from tests.conftest import ROOT

SHAPE = (5, 4, 4, 3)


@pytest.mark.parametrize("free", [2 * 5 * 48, 2 * 5 * 48 - 1])
def test_images_are_in_memory_where_half_of_it_suffices(
    free: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(room, "free_memory", lambda: free)
    images, in_memory = room_for(SHAPE, folder=tmp_path, name="train")
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
    with pytest.raises(StageError, match=r"no room for 3,000,000,000,000,000 bytes.*; free some"):
        room_for((10**9, 1000, 1000, 3), folder=tmp_path, name="train")


def test_a_container_has_less_than_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "_CGROUP", tmp_path)
    machine = free_memory()
    assert 0 < machine <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    (tmp_path / "memory.current").write_text("5000\n")
    (tmp_path / "memory.stat").write_text("anon 4000\ninactive_file 1000\n")
    (tmp_path / "memory.max").write_text("9000\n")
    assert free_memory() == 9000 - 5000 + 1000
    (tmp_path / "memory.max").write_text("max\n")
    assert free_memory() == pytest.approx(machine, rel=0.2)


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
def test_images_in_a_file_take_no_memory_of_the_process(tmp_path: Path) -> None:
    program = f"""
import re
from pathlib import Path
import numpy as np
from stages import room
def held():
    return int(re.search(r"RssAnon:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024
room.free_memory = lambda: 0
before = held()
images, _ = room.room_for((100, 1000, 1000, 3), folder=Path({str(tmp_path)!r}), name="train")
for image in images:
    image[:] = 1
print((held() - before) / images.nbytes)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert float(done.stdout.splitlines()[-1]) < 0.05
