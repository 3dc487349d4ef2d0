"""The counts of C-NMC 2019 in docs/data.md against the inventory that downloads are checked by."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages.dataset.archive_layout import FINAL_FOLDER, PRELIMINARY_FOLDER, canonical_folder
from stages.dataset.image_names import parse_image_name
from stages.download.inventory import C_NMC_2019
from tests.docs.pages import section
from tests.shard_folder import write_shards

FOLDERS = C_NMC_2019.folders


@pytest.mark.parametrize(("part", "label"), [("training, ALL", "all"), ("training, HEM", "hem")])
def test_images_and_subjects_of_training_are_those_of_the_inventory(part: str, label: str) -> None:
    folders = [folder for name, folder in FOLDERS.items() if name.endswith(f"/{label}")]
    images = sum(folder.files for folder in folders)
    subjects = sum(folder.subjects or 0 for folder in folders)
    assert f"| {part} | {images:,} | {subjects} |" in section("data.md", "The data set")


@pytest.mark.parametrize(
    ("part", "folder"), [("preliminary test", PRELIMINARY_FOLDER), ("final test", FINAL_FOLDER)]
)
def test_images_of_the_test_sets_are_those_of_the_inventory(part: str, folder: str) -> None:
    assert f"| {part} | {FOLDERS[folder].files:,} |" in section("data.md", "The data set")


def test_the_shards_are_read_as_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    records = [
        (
            random.integers(0, 256, (32, 32, 3), np.uint8),
            ("hem", "all")[number % 2],
            f"{number}.bmp",
        )
        for number in range(5)
    ]
    write_shards(tmp_path / "data/shards/training", records, image_size=32, per_shard=3)
    (block,) = re.findall(
        r"^    import json\n(?:.*\n)+?(?=^\S)", section("data.md", "The shards"), re.MULTILINE
    )
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(textwrap.dedent(block), names)
    read = list(names["cells"].as_numpy_iterator())
    assert len(read) == len(records)
    for (image, label, image_id), (pixels, name, written) in zip(read, records, strict=True):
        assert (image == pixels).all()
        assert (label, image_id.decode()) == (int(name == "all"), written)


def test_the_layout_that_is_shown_is_the_one_that_is_read() -> None:
    text = section("data.md", "An archive that you have already")
    shown = re.findall(r"^    (training_data/\S+)$", text, re.MULTILINE)
    assert len(shown) == 2
    for path in shown:
        example = re.sub(r"<\w+>", "7", path)
        label = parse_image_name(Path(example).name).label
        assert canonical_folder(example) == f"training_data/fold_0/{label}"
