"""The command, as a user runs it: its table, its exit code, and one line for each fault."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stages.predict.answer_tables import COLUMNS
from tests.conftest import ROOT

from .conftest import Run, cell, encoded
from .stand_in_model import METADATA, expected_p_all, write_stand_in

CELLS = [
    f"cells/{'ab'[n % 2]}/{n}.{'png' if n % 3 else 'bmp'}" for n in (0, 2, 4, 6, 8, 1, 3, 5, 7)
]
"""In the order of their paths."""


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


def faults(done: subprocess.CompletedProcess[str]) -> list[str]:
    """What is told beside what every run says."""
    usual = (METADATA["disclaimer"], "synthetic cells alone")
    return [line for line in done.stderr.splitlines() if not any(part in line for part in usual)]


def the_fault(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 2, done.stderr
    (line,) = faults(done)
    assert line.startswith("predict: ")
    return line


def test_each_image_has_a_row_in_the_order_of_the_input(run: Run) -> None:
    done = run("more.zip", "cells", "cells/b/*.png", "cells/a/0.bmp")
    assert done.returncode == 0, done.stderr
    zipped = [f"more.zip/in/{number}.png" for number in (10, 11, 12)]
    globbed = ["cells/b/1.png", "cells/b/5.png", "cells/b/7.png"]
    found = rows(done.stdout)
    assert [row["name"] for row in found] == [*zipped, *CELLS, *globbed, "cells/a/0.bmp"]
    assert tuple(found[0]) == COLUMNS
    for row in found:
        number = int(Path(row["name"]).stem)
        pixels = cell(number, size=(20, 20) if 5 <= number <= 8 else (12, 12))
        assert float(row["p_all"]) == pytest.approx(expected_p_all(pixels), abs=1e-5)
        assert row["call"] == ("all" if float(row["p_all"]) >= 0.5 else "hem")
        assert row["call_at_operating_point"] == ("all" if float(row["p_all"]) >= 0.25 else "hem")
        left, right = pixels[:, : len(pixels) // 2], pixels[:, len(pixels) // 2 :]
        assert ("lies to the left" in row["note"]) == (left.mean() > right.mean())
    assert {row["call"] for row in found} == {"hem", "all"}


def test_it_says_on_standard_error_what_the_model_is_not_for(run: Run) -> None:
    told = run("cells").stderr
    assert "it says nothing about leukemia" in told
    assert METADATA["disclaimer"] in told


def test_notes_stand_side_by_side(run: Run, folder: Path) -> None:
    pixels = cell(0) // 8 + 220
    pixels[:, :6] = 254
    (folder / "bright.png").write_bytes(encoded(pixels))
    (row,) = rows(run("bright.png").stdout)
    assert row["note"] == "brighter than the training cells; lies to the left"


def test_what_cannot_be_read_is_listed_and_all_else_has_its_row(run: Run, folder: Path) -> None:
    (folder / "cells/a/2.png").write_bytes(b"")
    (folder / "cells/a/3.gif").write_bytes(b"GIF89a")
    (folder / "cells/a/3.png").write_bytes(encoded(cell(1))[:-40])
    (folder / "cells/a/5.png").write_bytes(encoded(cell(1, size=(12, 14))))
    (folder / "cells/a/6.png").write_bytes(encoded(cell(1, size=(7, 7))))
    (folder / "cells/a/7.zip").write_bytes((folder / "more.zip").read_bytes())
    (folder / "cells/readme.txt").write_text("none")
    done = run("cells", "no such\nfile.png", "cells/a/7.zip")
    assert done.returncode == 1
    read = [row["name"] for row in rows(done.stdout)]
    assert read[:8] == [name for name in CELLS if name != "cells/a/2.png"]
    assert read[8:] == [f"cells/a/7.zip/in/{number}.png" for number in (10, 11, 12)]
    listed = [line.removeprefix("predict: not read: ") for line in faults(done)[:-2]]
    assert [line.partition(": ")[0] for line in listed] == [
        *(f"cells/a/{name}" for name in ("2.png", "3.gif", "3.png", "5.png", "6.png")),
        "'no such\\nfile.png'",
    ]
    reasons = (
        *("it is empty", "of no form that is read", "damaged or cut off", "it is 14×12"),
        *("`preprocess.crop_size` is 8", "there is no such file"),
    )
    assert all(reason in line for reason, line in zip(reasons, listed, strict=True))
    assert faults(done)[-2:] == [
        "predict: left out, for no images by their names: 1 .zip, 1 .txt",
        "predict: 6 of 17 images could not be read: they stand above",
    ]


def test_a_zip_with_the_name_of_an_image_says_so(run: Run, folder: Path) -> None:
    (folder / "cells/a/2.png").write_bytes((folder / "more.zip").read_bytes())
    done = run("cells")
    assert done.returncode == 1
    assert "cells/a/2.png: it is a zip; name it by itself" in done.stderr


def test_json_is_an_object_in_a_line(run: Run) -> None:
    table, lines = run("cells").stdout, run("cells", "--format", "json").stdout
    found = [json.loads(line) for line in lines.splitlines()]
    for row, told in zip(rows(table), found, strict=True):
        assert list(told) == list(COLUMNS)
        numbers = {name: float(row[name]) for name in ("p_all", "p_all_calibrated")}
        assert told == row | numbers


def test_parquet_is_the_same_table(run: Run, folder: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    assert run("cells", "--format", "parquet", "--output", "table.parquet").returncode == 0
    found = parquet.read_table(folder / "table.parquet").to_pylist()
    lines = run("cells", "--format", "json").stdout.splitlines()
    assert found == [json.loads(line) for line in lines]


def test_output_is_whole_or_absent(run: Run, folder: Path) -> None:
    done = run("cells", "--output", "table.csv")
    assert (done.returncode, done.stdout) == (0, "")
    kept = (folder / "table.csv").read_text()
    assert kept == run("cells").stdout
    write_stand_in(folder / "other.onnx", METADATA | {"class_names": ["cat", "dog"]})
    assert run("cells", "--output", "table.csv", "--model", "other.onnx").returncode == 2
    assert (folder / "table.csv").read_text() == kept
    assert not list(folder.glob(".*.tmp"))


def spoilt(path: Path, **changes: Any) -> None:
    write_stand_in(path, METADATA | changes)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda path: path.write_bytes(b""), "cannot be loaded: it is damaged"),
        (lambda path: path.write_text("<html>"), "cannot be loaded: it is damaged"),
        (lambda path: spoilt(path, thresholds=None), "has damaged metadata"),
        (lambda path: spoilt(path, format="new"), "no model that `make export` has made"),
        (lambda path: spoilt(path, class_names=None), "has damaged metadata"),
    ],
)
def test_a_model_of_no_use_is_one_line(run: Run, folder: Path, spoil: Any, told: str) -> None:
    spoil(folder / "models/model.onnx")
    done = run("cells")
    assert told in the_fault(done)
    assert done.stdout == ""


def test_a_closed_pipe_is_one_line(folder: Path) -> None:
    command = f"{sys.executable} -m stages.predict {'cells ' * 200} | head -1"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == ",".join(COLUMNS) + "\n"
    assert the_fault(done) == "predict: [Errno 32] Broken pipe"


def test_a_model_without_an_operating_point_leaves_its_column_empty(run: Run, folder: Path) -> None:
    default, operating = METADATA["thresholds"]
    for thresholds in ([default], [default, operating | {"value": None}]):
        write_stand_in(folder / "models/model.onnx", METADATA | {"thresholds": thresholds})
        assert {row["call_at_operating_point"] for row in rows(run("cells").stdout)} == {""}


def test_a_model_that_asks_for_the_scale_is_told_it(run: Run, folder: Path) -> None:
    scaled = METADATA["input"] | {"microns_per_pixel": 0.1}
    write_stand_in(folder / "models/model.onnx", METADATA | {"input": scaled})
    assert run("cells", "--microns-per-pixel", "0.2").returncode == 0
    assert "is no size of a pixel" in run("cells", "--microns-per-pixel", "0").stderr


def test_names_in_any_encoding(run: Run, folder: Path) -> None:
    odd = os.fsdecode(b'\xffz\xc3\xa4hle,\n"9".png')
    (folder / odd).write_bytes(encoded(cell(1)))
    done = run(odd, "cells/a/0.bmp", variables={"PYTHONIOENCODING": "ascii"}, encoding="utf-8")
    assert done.returncode == 0
    first, second = csv.DictReader(done.stdout.splitlines(keepends=True))
    assert first["name"] == '\\udcffzähle,\n"9".png'
    assert second["name"] == "cells/a/0.bmp"
