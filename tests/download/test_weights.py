from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stages.common.errors import StageError
from stages.download import weights as weights_module
from stages.download.weights import make_keras_home, published_weights
from tests.conftest import ROOT
from tests.download.conftest import QUICK
from tests.download.http_server import (
    Answer,
    Request,
    broken,
    flipped,
    refused,
    serving,
    storing,
)

pytestmark = pytest.mark.integration

CONTENT = b"weights" * 1000
MD5 = hashlib.md5(CONTENT).hexdigest()


@pytest.fixture
def publish(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Make a server on 127.0.0.1 the place where Keras publishes its weights."""

    def answer(request: Request) -> Answer:
        served = answers.get(request.path)
        return Answer(404) if served is None else Answer(200, served)

    def published(base: str) -> tuple[str, str]:
        return f"{address}/{base.lower()}_notop.h5", MD5

    answers: dict[str, bytes] = {}
    monkeypatch.setattr(weights_module, "published_weights", published)
    with serving(answer) as address:
        yield answers.update


def test_without_weights_there_are_only_the_settings(tmp_path: Path) -> None:
    make_keras_home(tmp_path / "home", base="EfficientNetB3", weights="none")
    assert [path.name for path in (tmp_path / "home").rglob("*")] == ["keras.json"]


def test_the_settings_are_always_the_same(tmp_path: Path) -> None:
    make_keras_home(tmp_path, base="EfficientNetB3", weights="none")
    assert json.loads((tmp_path / "keras.json").read_text()) == {
        "backend": "tensorflow",
        "floatx": "float32",
        "epsilon": 1e-07,
        "image_data_format": "channels_last",
    }


def test_imagenet_weights_lie_where_keras_looks(tmp_path: Path, publish: Any) -> None:
    publish({"/efficientnetb3_notop.h5": CONTENT})
    make_keras_home(tmp_path, base="EfficientNetB3", weights="imagenet")
    assert (tmp_path / "models/efficientnetb3_notop.h5").read_bytes() == CONTENT
    assert (tmp_path / "keras.json").exists()


def test_other_bytes_than_those_that_keras_knows_are_refused(
    tmp_path: Path, publish: Any, state: Path
) -> None:
    publish({"/efficientnetb3_notop.h5": CONTENT + b"!"})
    expected = rf"efficientnetb3_notop\.h5: MD5 is \w+, expected {MD5} as the installed Keras says"
    with pytest.raises(StageError, match=expected):
        make_keras_home(tmp_path, base="EfficientNetB3", weights="imagenet")
    assert [path.suffix for path in state.iterdir()] == [".lock"]


def test_weights_come_through_the_same_transfer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with storing(CONTENT) as (storage, address):
        storage.faults = [refused(503), broken(0.5), flipped]
        monkeypatch.setattr(weights_module, "published_weights", lambda _: (f"{address}/w.h5", MD5))
        make_keras_home(tmp_path, base="EfficientNetB3", weights="imagenet", retry_policy=QUICK)
    assert (tmp_path / "models/w.h5").read_bytes() == CONTENT
    assert storage.starts == [0, 0, len(CONTENT) // 2, 0]


@pytest.mark.usefixtures("publish")
def test_missing_weights_are_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"efficientnetb3_notop\.h5: the server answered 404"):
        make_keras_home(tmp_path, base="EfficientNetB3", weights="imagenet")


def test_the_weights_are_those_that_keras_would_fetch(monkeypatch: pytest.MonkeyPatch) -> None:
    import keras
    from keras.src.applications import efficientnet

    def get_file(name: str, origin: str, *, cache_subdir: str, file_hash: str) -> None:
        raise LookupError(name, origin, cache_subdir, file_hash)

    monkeypatch.setattr(efficientnet.file_utils, "get_file", get_file)
    with pytest.raises(LookupError) as caught:
        keras.applications.EfficientNetB0(include_top=False, input_shape=(32, 32, 3))
    url, md5 = published_weights("EfficientNetB0")
    assert caught.value.args == (Path(url).name, url, "models", md5)
    assert url == "https://storage.googleapis.com/keras-applications/efficientnetb0_notop.h5"


def test_neither_keras_nor_tensorflow_is_imported_to_know_the_weights() -> None:
    program = (
        "import sys; from stages.download.weights import published_weights; "
        "published_weights('EfficientNetB3'); "
        "assert not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
