from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import push_pull

IMAGES = 5


def make_small(folder: Path, **_: int) -> None:
    for name in (push_pull.PACKED, push_pull.UNPACKED):
        data = folder / name.replace(" ", "-") / "data"
        packed = {"archive.zip": bytes(1000)}
        unpacked = {f"images/{number}.bmp": bytes([number]) * 10_000 for number in range(IMAGES)}
        for file, content in (packed if name == push_pull.PACKED else unpacked).items():
            (data / file).parent.mkdir(parents=True, exist_ok=True)
            (data / file).write_bytes(content)


def test_what_is_moved_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(push_pull, "_make_both", make_small)
    push_pull.main([f"--json={tmp_path / 'figures.json'}"])
    figures = json.loads((tmp_path / "figures.json").read_text())
    packed, unpacked = figures[push_pull.PACKED], figures[push_pull.UNPACKED]
    trained, rate = len(push_pull.TRAINED), "push after a changed learning rate"
    objects = {step: figure["objects"] for step, figure in packed.items()}
    assert objects == {"first push": 1 + trained, rate: trained, "pull": 1 + trained}
    assert unpacked["pull"]["objects"] == IMAGES + 1 + trained  # one lists the folder
    more = unpacked["first push"]["MB"] - packed["first push"]["MB"]
    assert more > 0.8 * IMAGES * 0.01  # what is sent again after a pause is counted again
    assert "| pull: objects | 4.0 | 9.0 | 0.444 |" in capsys.readouterr().out
