from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import input_ways, inputs
from benchmarks.rows import MISSED, NOT_MEASURED, read_rows
from stages.dataset.cell_table import write_cells
from tests.shard_folder import table_of, write_shards

pytestmark = pytest.mark.integration

IMAGES = input_ways.BATCH_SIZE + 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `inputs` prepares, of black images."""
    folder = tmp_path_factory.mktemp("inputs")
    shutil.copy(inputs.ROOT / "params.yaml", folder)
    image = np.zeros((32, 32, 3), np.uint8)
    records = [(image, ("hem", "all")[number % 2], f"{number}.bmp") for number in range(IMAGES)]
    write_shards(folder / "data/shards/training", records, image_size=32)
    write_cells(table_of({"train": records}), folder / "data/splits/cells.csv")
    for pixels, label, name in records:
        (folder / "unpacked" / label).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / "unpacked" / label / name)
    return folder


@pytest.mark.parametrize("way", ["project", "directory"])
def test_a_way_uses_every_batch(way: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[list] = []
    # It can be done once in a process, before TensorFlow has worked.
    monkeypatch.setattr("stages.train.device.prepare_device", lambda *_, **__: None)
    monkeypatch.setattr(input_ways, "_use", lambda batches: used.append(list(batches)))
    assert input_ways.WAYS[way](folder) > 0
    assert len(used) == 1 + input_ways.LATER
    for epoch in used:
        assert len(epoch) == {"project": 1, "directory": 2}[way]


def test_without_pytorch_the_row_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "kept_cells", lambda *_, **__: inputs.Made(tmp_path))
    monkeypatch.setattr(inputs, "_unpack", lambda _: 1400)
    monkeypatch.setattr(inputs.importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(inputs, "_way", known_seconds)
    inputs.main([f"--json={tmp_path / 'rows.json'}", "--rounds=1"])
    rows = read_rows(tmp_path / "rows.json")
    assert [row.ratio for row in rows] == [pytest.approx(2 / 1400 * 2000), 7 / 2, None]
    assert [row.verdict for row in rows] == [MISSED, MISSED, NOT_MEASURED]
    assert "pip install torch==" in rows[-1].why


def known_seconds(way: str, _folder: Path):
    return lambda: {"project": 2.0, "directory": 7.0}[way]
