"""The pins: complete, told apart, and the same with and without a GPU."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
FILES = (
    *("requirements.txt", "requirements-gpu.txt", "requirements-dev.txt"),
    "requirements-predict.txt",
)


def pins(name: str) -> dict[str, str]:
    text = (ROOT / name).read_text()
    return dict(
        re.findall(r"^([a-z0-9][a-z0-9._-]*)(?:\[[^]]*\])?==([^\s;\\]+)", text, re.MULTILINE)
    )


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=; ]", requirement)[0].lower() for requirement in requirements}


@pytest.mark.parametrize("name", FILES)
def test_every_package_is_pinned_with_its_hashes_and_from_no_particular_index(name: str) -> None:
    for block in re.split(r"\n(?=\S)", (ROOT / name).read_text()):
        if not block.startswith("#") and block.strip():
            assert re.match(r"\S+==\S+", block), block[:80]
            assert "--hash=sha256:" in block, block[:80]
    assert "index-url" not in (ROOT / name).read_text()


def test_each_direct_dependency_is_pinned() -> None:
    assert names(PROJECT["project"]["dependencies"]) <= set(pins("requirements.txt"))
    assert names(PROJECT["dependency-groups"]["dev"]) <= set(pins("requirements-dev.txt"))


def test_test_and_lint_tools_are_not_among_what_the_stages_depend_on() -> None:
    tools = names(PROJECT["dependency-groups"]["dev"])
    assert not tools & set(pins("requirements.txt"))


def test_a_gpu_changes_no_version_and_adds_only_cuda() -> None:
    plain, gpu = pins("requirements.txt"), pins("requirements-gpu.txt")
    assert {name: gpu[name] for name in plain} == plain
    assert set(gpu) > set(plain)
    assert all(name.startswith("nvidia-") for name in set(gpu) - set(plain))


def test_tools_share_the_versions_of_the_stages() -> None:
    plain, dev = pins("requirements.txt"), pins("requirements-dev.txt")
    assert all(plain[name] == version for name, version in dev.items() if name in plain)


def test_each_direct_dependency_is_imported_somewhere() -> None:
    modules = {"pillow": "PIL", "pyyaml": "yaml", "scikit-learn": "sklearn"}
    modules["ruamel-yaml"] = "ruamel"
    code = "\n".join(file.read_text() for file in sorted((ROOT / "stages").rglob("*.py")))
    for package in names(PROJECT["project"]["dependencies"]) - {"dvc"}:
        module = modules.get(package, package)
        assert re.search(rf"^\s*(import|from) {module}\b", code, re.MULTILINE), package


def imported(file: Path) -> set[str]:
    """The packages that a file imports, wherever in it."""
    names = []
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names.append(node.module)
    return {name.partition(".")[0] for name in names}


def test_each_imported_package_is_a_direct_dependency() -> None:
    packages = {"PIL": "pillow", "yaml": "pyyaml", "sklearn": "scikit-learn"}
    packages["ruamel"] = "ruamel-yaml"
    groups = PROJECT["dependency-groups"]
    direct = names(PROJECT["project"]["dependencies"] + groups["predict"] + groups["export"])
    # kagglesdk is kagglehub's, google is the protobuf of TensorFlow's records, h5py is what Keras
    # writes weights with; vl_convert is for `make pr-report`, which brings the tools.
    own = {*sys.stdlib_module_names, "stages", "kagglesdk", "google", "h5py", "vl_convert"}
    # For a table that asks for it; predict says so where it is missing.
    own.add("pyarrow")
    for file in sorted((ROOT / "stages").rglob("*.py")):
        for module in imported(file) - own:
            assert packages.get(module, module) in direct, f"{file}: {module}"
