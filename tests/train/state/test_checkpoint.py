import math
import subprocess
from pathlib import Path

import numpy as np
import pytest

from stages.train.state.checkpoint import (
    Checkpoint,
    CorruptError,
    checkpoint_folders,
    read_checkpoint,
    write_checkpoint,
)

CHECKPOINT = Checkpoint(
    epoch=3,
    step=7,
    arrays={
        "network": [np.arange(6, dtype=np.float32).reshape(2, 3), np.uint32([1, 2**32 - 1])],
        "optimizer": [np.int64(12), np.float32(np.nan)],
    },
    notes={"loss": 0.1 + 0.2, "best": -math.inf, "rows": [{"epoch": 1}]},
)


def test_what_is_written_is_read_to_the_bit(tmp_path: Path) -> None:
    found = read_checkpoint(write_checkpoint(CHECKPOINT, tmp_path))
    assert (found.epoch, found.step, found.notes) == (3, 7, CHECKPOINT.notes)
    assert list(found.arrays) == list(CHECKPOINT.arrays)
    for owner, arrays in CHECKPOINT.arrays.items():
        for array, expected in zip(found.arrays[owner], arrays, strict=True):
            assert (array.dtype, array.shape) == (expected.dtype, expected.shape)
            assert array.tobytes() == expected.tobytes()


def test_the_order_holds_for_more_arrays_than_the_alphabet_sorts(tmp_path: Path) -> None:
    many = Checkpoint(0, 0, {"network": [np.int64(number) for number in range(120)]}, {})
    found = read_checkpoint(write_checkpoint(many, tmp_path))
    assert [int(array) for array in found.arrays["network"]] == list(range(120))


def test_its_sums_are_those_that_sha256sum_checks(tmp_path: Path) -> None:
    folder = write_checkpoint(CHECKPOINT, tmp_path)
    checked = subprocess.run(
        ["sha256sum", "--check", "SHA256SUMS"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert checked.stdout == "arrays.npz: OK\nnotes.json: OK\n"


@pytest.mark.parametrize("name", ["arrays.npz", "notes.json", "SHA256SUMS"])
@pytest.mark.parametrize("fault", ["flipped", "cut off", "empty", "missing"])
def test_a_file_that_is_not_what_was_written_is_corrupt(
    tmp_path: Path, name: str, fault: str
) -> None:
    folder = write_checkpoint(CHECKPOINT, tmp_path)
    path = folder / name
    content = path.read_bytes()
    flipped = bytes([content[0] ^ 1]) + content[1:]
    path.write_bytes({"flipped": flipped, "cut off": content[:-90]}.get(fault, b""))
    if fault == "missing":
        path.unlink()
    with pytest.raises(CorruptError, match=f"{name} is missing|does not match its SHA-256"):
        read_checkpoint(folder)


def test_an_error_on_the_way_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_checkpoint(CHECKPOINT, tmp_path)

    def fail(*_: object) -> None:
        raise OSError("broken")

    monkeypatch.setattr("stages.train.state.checkpoint._write_text", fail)
    with pytest.raises(OSError, match="broken"):
        write_checkpoint(CHECKPOINT, tmp_path)
    assert list(tmp_path.iterdir()) == [folder]
    read_checkpoint(folder)


def test_the_latest_comes_first_and_nothing_else_counts(tmp_path: Path) -> None:
    places = [(9, 0), (10, 2), (10, 0), (9, 100)]
    for epoch, step in places:
        write_checkpoint(Checkpoint(epoch, step, {}, {}), tmp_path)
    for other in ("lock", ".checkpoint-000011-000000000.1.tmp", "checkpoint-1-1"):
        (tmp_path / other).mkdir()
    found = [read_checkpoint(folder) for folder in checkpoint_folders(tmp_path)]
    assert [(one.epoch, one.step) for one in found] == sorted(places, reverse=True)
