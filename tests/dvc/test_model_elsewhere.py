"""The trained model in another repository, as docs/recipes.md says, from a bucket."""

from __future__ import annotations

import hashlib
import re
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.docs.pages import section
from tests.dvc.project import Project
from tests.dvc.remotes import s3_remote

SECTION = section("recipes.md", "Use the model elsewhere")
RELEASE = "leukemia-classifier@v1.0.0"


@pytest.fixture(scope="module")
def released(origin: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A clone whose model is released, with its outputs in a bucket."""
    with s3_remote(tmp_path_factory.mktemp("remote")) as remote:
        clone = remote.connect(origin.beside("released"))
        clone.git("commit --all --quiet", message="Another remote")
        clone.dvc("push")
        tag, message = re.search(r"^    git (tag .*) --message \"(.*)\"$", SECTION, re.M).groups()
        clone.git(tag, message=message)
        yield clone


@pytest.fixture
def elsewhere(released: Project, tmp_path: Path) -> Project:
    other = replace(released, folder=tmp_path / "other")
    other.folder.mkdir()
    other.git("init --quiet")
    other.dvc("init --quiet")
    return other


def recipe(released: Project, start: str) -> str:
    """The command of the recipe that starts so, without `dvc`, for this repository."""
    command = re.search(rf"^    dvc ({start}.*?)(?:  +#.*)?$", SECTION, re.MULTILINE)[1]
    return command.replace("https://host/repository", f"file://{released.folder}")


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("start", "path"),
    [
        ("artifacts get", "models/model.keras"),
        (r"get \S+ models/model", "models/model.keras"),
        (r"get \S+ models/metadata", "models/metadata.json"),
    ],
)
def test_a_release_is_fetched_by_one_command(
    released: Project, elsewhere: Project, start: str, path: str
) -> None:
    elsewhere.dvc(recipe(released, start))
    (fetched,) = elsewhere.folder.rglob(f"{Path(path).stem}*{Path(path).suffix}")
    assert md5(fetched) == released.outputs()[path]


def test_another_repository_remembers_where_the_model_came_from(
    released: Project, elsewhere: Project
) -> None:
    elsewhere.dvc(recipe(released, "import"))
    imported = yaml.safe_load((elsewhere.folder / "model.keras.dvc").read_text())
    assert imported["deps"][0]["repo"]["rev"] == RELEASE
    assert imported["outs"][0]["md5"] == released.outputs()["models/model.keras"]
    assert md5(elsewhere.folder / "model.keras") == released.outputs()["models/model.keras"]
    later = released.beside("later", pulled=False)
    later.git("commit --allow-empty --quiet", message="Later")
    later.git("tag --annotate leukemia-classifier@v1.1.0", message="Second release")
    later.git(f"push --quiet {released.folder} leukemia-classifier@v1.1.0")
    elsewhere.dvc(recipe(released, "update"))
    updated = yaml.safe_load((elsewhere.folder / "model.keras.dvc").read_text())
    assert updated["deps"][0]["repo"]["rev_lock"] == later.git("rev-parse HEAD").strip()


def test_python_opens_the_model_of_a_release(released: Project, elsewhere: Project) -> None:
    lines = re.search(r"^    import dvc\.api\n.*?content = file\.read\(\)$", SECTION, re.M | re.S)[
        0
    ]
    script = textwrap.dedent(lines).replace("https://host/repository", f"file://{released.folder}")
    script += "\nimport hashlib\nprint(hashlib.md5(content).hexdigest())"
    printed = elsewhere.run("python", "-c", script)
    assert released.outputs()["models/model.keras"] in printed


def test_the_shipped_remote_is_found_from_elsewhere_by_path_alone(
    origin: Project, elsewhere: Project
) -> None:
    publisher = origin.beside("beside")
    publisher.dvc("push")
    missing = elsewhere.dvc(f"get file://{publisher.folder} models/model.keras", code=255)
    assert "No storage files available" in missing
    elsewhere.dvc(f"get {publisher.folder} models/model.keras")
    assert md5(elsewhere.folder / "model.keras") == publisher.outputs()["models/model.keras"]
