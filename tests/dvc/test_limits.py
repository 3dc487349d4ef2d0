"""What DVC itself cannot do, as docs/limits.md says; a failing test here is good news."""

from __future__ import annotations

from pathlib import Path

from tests.dvc.project import RATE, Project


def test_dvc_still_cannot_write_letters_beyond_ascii_into_its_settings(
    origin: Project, tmp_path: Path
) -> None:
    # When this fails, DVC can do it now: take the section out of docs/limits.md.
    project = origin.clone(tmp_path / "für")
    address = str(tmp_path / "Łódź")
    output = project.run("dvc", "remote", "modify", "local", "url", address, code=255)
    assert "'ascii' codec can't encode character" in output
    assert (project.folder / ".dvc/config").read_text() == ""
    project.run("git", "checkout", "--quiet", ".dvc/config")
    (project.folder / ".dvc/config.local").unlink()
    experiment = ["dvc", "exp", "run", "--temp", "-S", f"{RATE}=0.003"]
    assert "'ascii' codec can't encode character" in project.run(*experiment, code=255)

    with (project.folder / ".dvc/config.local").open("a", encoding="utf-8") as settings:
        settings.write(f"['remote \"local\"']\n    url = {address}\n")
    assert address in project.run("dvc", "remote", "list")
