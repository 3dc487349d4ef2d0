from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from benchmarks import download
from benchmarks.set_of_size import make_set
from tests.conftest import TRAINING, VALIDATION

pytestmark = pytest.mark.integration

NAMES = {
    **{f"{TRAINING}/fold_0/all/UID_{number}_1_1_all.bmp": 608_454 for number in range(1, 9)},
    **{f"{TRAINING}/fold_1/hem/UID_H{number}_1_1_hem.bmp": 608_454 for number in range(1, 5)},
    f"{VALIDATION}/C-NMC_test_prelim_phase_data/1.bmp": 608_538,
    f"{VALIDATION}/C-NMC_test_prelim_phase_data_labels.csv": 58_692,
    "C-NMC_Leukemia/testing_data/C-NMC_test_final_phase_data/1.bmp": 1_080_054,
}


@pytest.fixture
def names(tmp_path: Path) -> Path:
    path = tmp_path / "files.tsv"
    path.write_text("size\tpath\n" + "".join(f"{NAMES[name]}\t{name}\n" for name in NAMES))
    return path


def test_each_image_is_another_one_of_the_size_it_should_have(names: Path, tmp_path: Path) -> None:
    archive, inventory = make_set(names, tmp_path)
    assert inventory.folders["training_data/fold_1/hem"].subjects == 4
    contents = set()
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            if info.filename.endswith(".bmp"):
                content = opened.read(info)
                contents.add(content)
                assert len(content) == NAMES[info.filename.replace("fold_0/fold_0", "fold_0")]
                image = Image.open(io.BytesIO(content))
                assert image.size == ((600, 600) if "final" in info.filename else (450, 450))
                assert image.convert("L").getextrema()[1] > 100
                assert 55_000 < info.compress_size < 70_000
    assert len(contents) == 14
    assert make_set(names, tmp_path) == (archive, inventory)


def test_the_stage_is_killed_twice_and_fetched_beside_curl(
    names: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--rounds=1", "--rate=1e6", f"--json={tmp_path / 'figures.json'}"]
    download.main([f"--names={names}", f"--folder={tmp_path}", *options])
    figures = json.loads((tmp_path / "figures.json").read_text())
    killed = figures["killed"]
    assert figures["files"] == 15
    assert killed["resumed_at"] == [0, *killed["kept_at_kills"]]
    assert 0.3 <= killed["kept_at_kills"][0] / killed["bytes"] < 0.7
    assert 0.7 <= killed["kept_at_kills"][1] / killed["bytes"] < 1
    assert 0 <= killed["sent_again_bytes"] < killed["bytes"]
    assert "| transfer() |" in capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == set()
