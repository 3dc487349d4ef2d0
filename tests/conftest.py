"""Fixtures that every test may use: a tiny archive, and the real one where it is present."""

from __future__ import annotations

from stages.common.portable_environment import set_numpy_environment, set_tensorflow_environment

set_numpy_environment()  # before NumPy and TensorFlow are imported, as in the stages
set_tensorflow_environment()

import io
import signal
import string
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from PIL import Image
from xdist.remote import Producer

from stages.common.params_file import load_params
from stages.dataset.archive_layout import PRELIMINARY, PRELIMINARY_LABELS
from stages.network.params import ModelParams
from stages.train.params import TrainParams
from tests.schedule import SharedFixtures, place

ROOT = Path(__file__).parents[1]
REAL_SAMPLE = ROOT.parent / "shared/data/cnmc-sample.zip"
TRAINING = "C-NMC_Leukemia/training_data"
VALIDATION = "C-NMC_Leukemia/validation_data"
TINY_SIZE = 36
CHARACTERS = [*sorted(set(string.printable) - set("/\n\r\v\f")), *"äöüßéŁ白血病—’“”…°²"]
"""Characters that names of files have: all of ASCII but line ends, and some beyond it."""

WriteArchive = Callable[..., Path]

hypothesis.settings.register_profile("no times", deadline=None)
hypothesis.settings.load_profile("no times")


def bmp(seed: int, *, size: int = TINY_SIZE, brightness: int = 128) -> bytes:
    """A noisy 24-bit BMP on black, its square cell brighter for a higher `brightness`."""
    pixels = np.zeros((size, size, 3), np.uint8)
    inner = slice(size // 4, -size // 4)
    noise = np.random.default_rng(seed).integers(-40, 40, pixels[inner, inner].shape)
    pixels[inner, inner] = brightness + noise
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "BMP")
    return content.getvalue()


def tiny_members(
    *, subjects: int = 6, cells: int = 4, external: int = 2, size: int = TINY_SIZE
) -> dict[str, bytes]:
    """Members of an archive in Kaggle's layout: `subjects` a class, `cells` a subject."""
    members = {}
    for label in ("all", "hem"):
        for subject in range(1, subjects + 1):
            name = f"H{subject}" if label == "hem" else f"{subject}"
            for cell in range(1, cells + 1):
                path = f"{TRAINING}/fold_{subject % 3}/{label}/UID_{name}_{cell}_1_{label}.bmp"
                seed = (label == "all") * 10_000 + subject * 100 + cell
                members[path] = bmp(seed, size=size, brightness=90 if label == "hem" else 160)
    rows = ["Patient_ID,new_names,labels"]
    for number in range(1, external + 1):
        label = "all" if number % 2 else "hem"
        subject = f"{'H' if label == 'hem' else ''}{90 + number}"
        rows.append(f"UID_{subject}_1_1_{label}.bmp,{number}.bmp,{int(label == 'all')}")
        members[f"{VALIDATION}/{PRELIMINARY}/{number}.bmp"] = bmp(number, size=size)
    if external:
        members[f"{VALIDATION}/{PRELIMINARY_LABELS}"] = ("\r\n".join(rows) + "\r\n").encode()
    return members


def pytest_configure() -> None:
    """Hear signals as from a terminal: a shell has what it runs in the background ignore them."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest."""
    items.sort(key=lambda item: place(item.nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> SharedFixtures:
    """Spread the tests over the processes of `--numprocesses`, in the order of their collection."""
    config.option.loadscopereorder = False
    return SharedFixtures(config, log)


@pytest.fixture(autouse=True, scope="session")
def pseudonym_key(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the key of pseudonyms out of the user's home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PSEUDONYM_KEY", str(tmp_path_factory.mktemp("key") / "pseudonym.key"))
        yield


@pytest.fixture(autouse=True)
def free_operations() -> Iterator[None]:
    """Leave TensorFlow as the next test expects it: determinism holds for a whole process."""
    yield
    if "tensorflow" in sys.modules:
        from tensorflow.python.framework.config import disable_op_determinism

        disable_op_determinism()


@pytest.fixture
def write_archive(tmp_path: Path) -> WriteArchive:
    """Write an archive of the given members, or of `tiny_members`, and return its path."""

    def write(members: Mapping[str, bytes] | None = None, name: str = "cnmc.zip") -> Path:
        path = tmp_path / name
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, content in (tiny_members() if members is None else members).items():
                archive.writestr(member, content)
        return path

    return write


@pytest.fixture(scope="session")
def real_sample() -> Path:
    """The archive of 1,160 real images; the test skips where it is absent."""
    if not REAL_SAMPLE.exists():
        pytest.skip(f"no real images at {REAL_SAMPLE}")
    return REAL_SAMPLE


@pytest.fixture(scope="session")
def train_params() -> TrainParams:
    shipped: TrainParams = load_params(ROOT / "params.yaml").section(TrainParams)
    return replace(shipped, batch_size=4, epochs=2)


@pytest.fixture(scope="session")
def model_params() -> ModelParams:
    shipped: ModelParams = load_params(ROOT / "params.yaml").section(ModelParams)
    return replace(shipped, base="EfficientNetB0", dense=replace(shipped.dense, units=8))
