from __future__ import annotations

import hashlib
import json
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stages.common.errors import StageError
from stages.download import weights as weights_module
from stages.download.published_weights import published_weights
from stages.download.weights import make_keras_home
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
from tests.download.weights_faults import (
    FAULTS_OF_TRAINED_MODELS,
    FAULTS_OF_WEIGHTS,
    write_model,
    write_models,
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
        "import sys; from stages.download.published_weights import published_weights; "
        "published_weights('EfficientNetB3'); "
        "assert not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


@pytest.fixture
def keras_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which the user's own Keras keeps weights."""
    monkeypatch.delenv("KERAS_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    folder = tmp_path / "user/.keras/models"
    folder.mkdir(parents=True)
    return folder


def made(tmp_path: Path, weights: str) -> bytes:
    make_keras_home(tmp_path / "home", base="EfficientNetB3", weights=weights, retry_policy=QUICK)
    return (tmp_path / "home/models/efficientnetb3_notop.h5").read_bytes()


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.usefixtures("publish")  # which serves nothing
def test_weights_that_the_users_keras_has_are_taken(
    tmp_path: Path, keras_folder: Path, monkeypatch: pytest.MonkeyPatch, *, named: bool
) -> None:
    if named:
        keras_folder = tmp_path / "elsewhere/models"
        keras_folder.mkdir(parents=True)
        monkeypatch.setenv("KERAS_HOME", str(keras_folder.parent))
    (keras_folder / "efficientnetb3_notop.h5").write_bytes(CONTENT)
    assert made(tmp_path, "imagenet") == CONTENT


def test_a_user_without_a_home_fetches_them(
    tmp_path: Path, publish: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(user: int) -> None:
        raise KeyError(user)

    publish({"/efficientnetb3_notop.h5": CONTENT})
    for variable in ("HOME", "KERAS_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)  # as in a container that does not know the user
    assert made(tmp_path, "imagenet") == CONTENT


def test_keras_itself_would_look_there(keras_folder: Path) -> None:
    program = (
        "import hashlib; from keras.utils import get_file; print(get_file("
        f"'w.h5', 'http://127.0.0.1:9/w.h5', cache_subdir='models', file_hash='{MD5}'))"
    )
    (keras_folder / "w.h5").write_bytes(CONTENT)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.split()[-1] == str(keras_folder / "w.h5"), done.stderr


def test_other_weights_that_the_users_keras_has_are_told_of_and_not_taken(
    tmp_path: Path, publish: Any, keras_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    publish({"/efficientnetb3_notop.h5": CONTENT})
    (keras_folder / "efficientnetb3_notop.h5").write_bytes(b"other")
    assert made(tmp_path, "imagenet") == CONTENT
    assert "efficientnetb3_notop.h5 is not used: its MD5 is" in capsys.readouterr().err


@pytest.mark.usefixtures("publish")
def test_weights_may_come_from_a_path_or_an_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my copy.h5").write_bytes(CONTENT)
    assert made(tmp_path, str(tmp_path / "my copy.h5")) == CONTENT
    (tmp_path / "home/models").rename(tmp_path / "first")
    monkeypatch.setenv("TOKEN", "s3cr3t")
    with storing(CONTENT) as (_, address):
        assert made(tmp_path, f"{address}/copy.h5?token=$TOKEN") == CONTENT


@pytest.mark.usefixtures("publish")
@pytest.mark.parametrize(("weights", "told"), [row[1:] for row in FAULTS_OF_WEIGHTS])
def test_weights_that_do_not_come_are_told_with_every_way_out(
    tmp_path: Path, keras_folder: Path, weights: str, told: str
) -> None:
    for name in ("other.h5", "cut #1.h5"):
        (tmp_path / name).write_bytes(b"other")
    with pytest.raises(StageError) as caught:
        made(tmp_path, weights.replace("…", str(tmp_path)))
    message = str(caught.value)
    assert told.replace("…", str(tmp_path)) in message
    assert "\n" not in message
    assert (
        f"; put efficientnetb3_notop.h5 into {keras_folder}, set download.weights to the path or "
        "URL of a copy, or to none to train from scratch (the original is http://127.0.0.1"
    ) in message


TRAINED = "home/models/trained_model.keras"


def test_a_trained_model_may_come_from_a_path_or_an_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = write_models(tmp_path)
    (tmp_path / "whole.keras").rename(path := tmp_path / "of May #2.KERAS")
    make_keras_home(tmp_path / "home", base="EfficientNetB3", weights=str(path))
    assert (tmp_path / TRAINED).read_bytes() == whole
    shutil.rmtree(tmp_path / "home")
    monkeypatch.setenv("TOKEN", "s3cr3t")
    with storing(whole) as (_, address):
        weights = f"{address}/of-may.keras?token=$TOKEN"
        make_keras_home(tmp_path / "home", base="EfficientNetB3", weights=weights)
    assert (tmp_path / TRAINED).read_bytes() == whole


@pytest.mark.parametrize(("weights", "told"), [row[1:] for row in FAULTS_OF_TRAINED_MODELS])
def test_a_faulty_trained_model_is_told_in_one_line(
    tmp_path: Path, weights: str, told: str
) -> None:
    write_models(tmp_path)
    weights, told = (text.replace("…", str(tmp_path)) for text in (weights, told))
    with pytest.raises(StageError) as caught:
        make_keras_home(tmp_path / "home", base="EfficientNetB3", weights=weights)
    assert str(caught.value).startswith(told)
    assert "\n" not in str(caught.value)


def test_a_faulty_model_of_an_address_is_told_without_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = write_model(tmp_path / "a.keras", network="other")
    monkeypatch.setenv("TOKEN", "s3cr3t")
    with storing(foreign) as (_, address), pytest.raises(StageError) as caught:
        make_keras_home(
            tmp_path / "home",
            base="EfficientNetB3",
            weights=f"{address}/a.keras?token=$TOKEN",
        )
    assert "is a network of the name 'other'" in str(caught.value)
    assert "s3cr3t" not in str(caught.value)
