"""The README against the files that it speaks of."""

import re

import pytest
import yaml

from tests.conftest import ROOT

README = (ROOT / "README.md").read_text()


def listed_files() -> list[str]:
    """The paths in the README's file tree, folders ending in a slash."""
    section = README.split("\n## Files\n")[1].split("\n## ")[0]
    found, folders = [], []
    for line in section.splitlines():
        if match := re.match(r"    ( *)(\S+)  +\S", line):
            depth, name = len(match[1]) // 2, match[2]
            folders = folders[:depth]
            found.append("".join(folders) + name)
            if name.endswith("/"):
                folders.append(name)
    return found


def test_the_tree_names_only_what_is_there() -> None:
    made = {"data/", "models/", "metrics/"}
    assert listed_files()
    for name in set(listed_files()) - made:
        path = ROOT / name
        assert path.is_dir() if name.endswith("/") else path.is_file(), name


def test_the_tree_names_every_module() -> None:
    modules = {
        str(file.relative_to(ROOT))
        for file in (ROOT / "stages").rglob("*")
        if file.suffix in (".py", ".jinja") and not file.name.startswith("__")
    }
    assert modules <= set(listed_files())


def test_every_make_target_in_the_readme_is_in_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for target in re.findall(r"^    make ([\w-]+)", README, re.MULTILINE):
        assert target in targets


def parameters(section: object, path: str = "") -> set[str]:
    if not isinstance(section, dict):
        return {path}
    return {path}.union(*(parameters(value, f"{path}.{key}") for key, value in section.items()))


def test_every_parameter_in_the_readme_exists() -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    known = {path.strip(".") for path in parameters(params)}
    switched = re.findall(r"-S ([\w.]+)=", README)
    assert switched
    assert set(switched) <= known
    table = README.split("\n## Parameters\n")[1].split("\n## ")[0]
    for name in re.findall(r"^\| `([\w.]+)`", table, re.MULTILINE):
        assert {name, f"profiles.cnmc.{name}"} & known, name


def test_the_edit_that_the_readme_shows_changes_params_yaml() -> None:
    old, new = re.findall(r"perl -pi -e 's/([^/]*)/([^/]*)/' params.yaml", README)[0]
    params = (ROOT / "params.yaml").read_text()
    assert params.count(old) == 1
    assert yaml.safe_load(params.replace(old, new)) != yaml.safe_load(params)


def test_the_stages_stand_in_the_order_of_dvc_yaml() -> None:
    table = re.findall(r"^\| (\w+) \| ", README.split("## The pipeline")[1], re.MULTILINE)
    stages = list(yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"])
    assert [name for name in table if name in stages] == stages


@pytest.mark.parametrize("words", ["no medical device", "10.7937/tcia.2019.dc64i46r", "CC BY 3.0"])
def test_licence_and_limits_are_told(words: str) -> None:
    assert words in README
