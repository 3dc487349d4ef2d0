from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import reading, zlib_shards
from benchmarks.cells import Made
from benchmarks.rows import read_rows
from stages.dataset.cell_table import read_cells, write_cells
from stages.dataset.shard_reader import read_part
from tests.shard_folder import table_of, write_shards

pytestmark = pytest.mark.integration

SIZE = 32


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """Twelve cells of noise, of which three are for test."""
    random, made = np.random.default_rng(1), Made(tmp_path)
    records = [
        (
            random.integers(0, 256, (SIZE, SIZE, 3), np.uint8),
            ("hem", "all")[number % 2],
            f"{number}",
        )
        for number in range(12)
    ]
    write_shards(made.shards, records, image_size=SIZE)
    write_cells(table_of({"train": records[::2], "test": records[1::4]}), made.cells_csv)
    return made


def test_both_sides_read_the_same(made: Made, tmp_path: Path) -> None:
    cells = read_part(made.shards, read_cells(made.cells_csv), "train")
    zlib_shards.write(cells, tmp_path / "alone", cells_per_shard=4)
    assert len(list((tmp_path / "alone").iterdir())) == 2
    assert (zlib_shards.read(tmp_path / "alone", 6, SIZE) == cells.images).all()


def test_there_is_a_row_for_each_part(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "kept_cells", lambda *_, **__: made)
    options = ["--rounds=1", f"--image-size={SIZE}", f"--json={tmp_path / 'rows.json'}"]
    reading.main(options)
    train, test = read_rows(tmp_path / "rows.json")
    assert (train.part, test.part) == ("reading the part train", "reading the part test")
    assert train.how.startswith("6 of 9 built-in cells of 32 px, ")
    assert train.ratio == train.ways["shared shards"][0] / train.ways["part alone"][0]
