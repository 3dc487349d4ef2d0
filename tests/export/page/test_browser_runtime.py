"""ONNX Runtime Web as it is installed, and where it is not."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from stages.export.page import browser_runtime
from stages.export.page import install_runtime as installation
from stages.export.page.browser_runtime import (
    LOCK,
    PROGRAM,
    SCRIPT,
    RuntimeMissingError,
    locked_version,
    read_runtime,
)
from stages.export.page.install_runtime import install_runtime, main
from tests.conftest import ROOT

from .driven_page import installed_runtime


def test_the_runtime_is_of_the_locked_version() -> None:
    runtime = installed_runtime()

    assert f"ONNX Runtime Web v{runtime.version}" in runtime.script
    assert runtime.program.startswith(b"\0asm")


def test_the_runtime_is_a_script_that_leaves_one_constant() -> None:
    script = installed_runtime().script

    assert "import.meta" not in script
    assert "export{" not in script
    assert "const ort={InferenceSession:" in script.rpartition("\n};")[2]


def test_a_missing_runtime_is_named_with_its_version_and_place(tmp_path: Path) -> None:
    with pytest.raises(RuntimeMissingError) as told:
        read_runtime(tmp_path)
    message = f"onnxruntime-web {locked_version()}, which runs the model in a browser, is not "
    assert str(told.value) == f"{message}installed: there is no {tmp_path / SCRIPT}"


def test_files_of_another_version_are_refused(tmp_path: Path) -> None:
    for name in (SCRIPT, PROGRAM):
        (tmp_path / name).write_bytes(b"of another version")

    with pytest.raises(RuntimeMissingError, match=r"ort.wasm.bundle.min.mjs is another version's"):
        read_runtime(tmp_path)


def test_every_package_is_locked_by_a_hash_and_to_no_host() -> None:
    wanted = json.loads(LOCK.with_name("package.json").read_text(encoding="utf-8"))
    text = LOCK.read_text(encoding="utf-8")
    packages = json.loads(text)["packages"]

    assert packages.pop("")["dependencies"] == wanted["dependencies"]
    assert wanted["dependencies"] == {browser_runtime.PACKAGE: locked_version()}
    assert all(entry["integrity"].startswith("sha512-") for entry in packages.values())
    assert "://" not in text


def test_without_npm_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(RuntimeMissingError, match="there is no npm on the PATH"):
        install_runtime(tmp_path / "runtime")
    assert not (tmp_path / "runtime").exists()


def test_what_npm_says_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm = tmp_path / "npm"
    lines = ["code ECONNREFUSED", "", *(f"line {number}" for number in range(9))]
    said = "\n".join(f"npm error {line}" for line in lines)
    npm.write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 1\n")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(
        RuntimeMissingError, match=r"failed: code ECONNREFUSED; line 0; line 1; line 2$"
    ):
        install_runtime(tmp_path / "runtime")


def test_what_fails_is_one_line_and_an_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(installation, "runtime_folder", lambda: tmp_path / "runtime")
    monkeypatch.setenv("PATH", str(tmp_path))

    assert main() == 1
    told = capsys.readouterr().err
    assert told.startswith("onnxruntime-web cannot be installed: there is no npm on the PATH")
    assert told.count("\n") == 1


def test_what_is_there_is_not_installed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed_runtime()
    monkeypatch.setenv("PATH", str(tmp_path))

    assert main() == 0


@pytest.mark.integration
@pytest.mark.parametrize(
    ("target", "then"), [("export", "stages.export --archive"), ("test", "pytest")]
)
def test_make_installs_it_first_and_goes_on_where_it_cannot(target: str, then: str) -> None:
    make = ["make", "--dry-run", "--silent", "--always-make", target]
    printed = subprocess.run(make, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    before, found, after = printed.partition("-m stages.export.page.install_runtime && touch ")

    assert found
    assert after.splitlines()[0].endswith("/.onnxruntime-web || true")
    assert f"-m {then}" in after
    assert f"-m {then}" not in before
