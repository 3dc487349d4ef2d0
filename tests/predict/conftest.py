"""A folder with the stand-in model at its place, and images of several forms and sizes."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from PIL import Image

from tests.conftest import ROOT
from tests.pipeline.test_requirements import pins

from .stand_in_model import write_stand_in

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

Pixels = np.ndarray
PINS = pins("requirements-predict.txt")
Run = Callable[..., subprocess.CompletedProcess[str]]


def cell(seed: int, *, size: tuple[int, int] = (12, 12)) -> Pixels:
    """Noise of a brightness of its own, (height, width, 3)."""
    random = np.random.default_rng(seed)
    return random.integers(0, random.integers(2, 256), (*size, 3), dtype=np.uint8)


def encoded(pixels: Pixels, form: str = "PNG") -> bytes:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, form)
    return content.getvalue()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with models/model.onnx, 9 images in cells/ and 3 in more.zip."""
    write_stand_in(tmp_path / "models/model.onnx")
    for number in range(9):
        place = tmp_path / f"cells/{'ab'[number % 2]}/{number}.{'png' if number % 3 else 'bmp'}"
        place.parent.mkdir(parents=True, exist_ok=True)
        size = (12, 12) if number < 5 else (20, 20)
        place.write_bytes(encoded(cell(number, size=size), "PNG" if number % 3 else "BMP"))
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        packings = (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_STORED)
        for number, packing in zip((12, 11, 10), packings, strict=True):
            archive.writestr(f"in/{number}.png", encoded(cell(number)), packing)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Run:
    """Run the command in the folder, as a user does."""

    def command(
        *arguments: str, variables: Mapping[str, str] = MappingProxyType({}), **options: object
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "stages.predict", *arguments],
            cwd=folder,
            env=os.environ
            | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
            | dict(variables),
            check=False,
            **{"capture_output": True, "text": True} | options,
        )

    return command


def files(package: str) -> list[metadata.PackagePath]:
    """The files of an installed package, as its own list names them."""
    return metadata.distribution(package).files or []


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """A folder with links to the pinned packages, as they are installed here."""
    folder = tmp_path / "packages"
    for package in PINS:
        for path in files(package):
            link = folder.joinpath(*path.parts[:2])  # google/ is of several packages
            if ".." not in path.parts and not link.exists():
                link.parent.mkdir(parents=True, exist_ok=True)
                installed = Path(str(path.locate()))
                link.symlink_to([installed, *installed.parents][max(0, len(path.parts) - 2)])
    return folder
