"""What becomes of the path of an archive: in `dvc exp run -S`, in params.yaml, and in `--temp`."""

from __future__ import annotations

import re
from pathlib import Path

from tests.docs.pages import commands, section
from tests.download.archive_faults import write
from tests.dvc.project import Project, stages_run
from tests.dvc.scene import Scene, error

SOURCE = "profiles.synthetic.download.source"
SHOWN = commands(section("data.md", "Paths with spaces and other characters"))
ODD = "Zellen für Łódź (1) #2, [x]=3.zip"


def unquoted_in_experiment(scene: Scene) -> str:
    """Give the path as it is, then as the documents show."""
    project, archive = scene.clone(), scene.folder / ODD
    write(archive)
    told = project.run("dvc", "exp", "run", "-S", f"{SOURCE}={archive}", code=255)
    assert "ERROR: unexpected error - LexerNoViableAltException: profiles" in told
    assert "See https://hydra.cc/" in told
    assert project.git("status --porcelain") == ""
    quoted, variable, by_variable = SHOWN
    for command in (quoted, f"{variable}; {by_variable}"):
        (name,) = re.findall(r"/data/([^']+)", command)
        write(scene.folder / name)
        _take(project, command.replace("/data", str(scene.folder)))
    return (
        "error: unexpected error - LexerNoViableAltException: … See https://hydra.cc/…; nothing is "
        "changed; [in quotes, or from a variable]"
        "(data.md#paths-with-spaces-and-other-characters), the archive is taken"
    )


def _take(project: Project, command: str) -> None:
    """Run a command of the documents as far as the archive has been taken."""
    offline = "-S profiles.cnmc.download.weights=none"
    printed = project.run("sh", "-c", f"{command} {offline} --force download")
    assert stages_run(printed) == ["download"]
    assert "download: 50 images (24 ALL, 24 HEM, 2 preliminary)" in printed
    project.git("checkout --quiet --force HEAD")


def cut_off(scene: Scene) -> str:
    project, archive = scene.clone(), scene.folder / "a #1.zip"
    write(archive)
    project.set_param(SOURCE, archive)
    told = error(project.dvc("repro", code=255)).replace(str(scene.folder), "…")
    project.set_param(SOURCE, f"'{archive}'")
    assert "download: 50 images" in project.dvc("repro download")
    return f"{told}; in quotes, the archive is taken"


def braces(scene: Scene) -> str:
    """Name a variable in braces in params.yaml; then run an experiment with another parameter."""
    project = scene.clone().with_variables({"ARCHIVES": str(scene.folder)})
    write(scene.folder / "a.zip")
    project.set_param(SOURCE, "${ARCHIVES}/a.zip")
    told = error(project.dvc("repro", code=255))
    other = ("dvc", "exp", "run", "-S", "profiles.synthetic.split.seed=5", "download")
    experiment = project.run(*other, code=255)
    assert "ERROR: unexpected error - Interpolation key 'ARCHIVES' not found" in experiment
    project.set_param(SOURCE, "$ARCHIVES/a.zip")
    assert "download: 50 images" in project.run(*other)
    return f"{told}; without braces, the archive is taken, also in `dvc exp run -S`"


def no_yaml(scene: Scene) -> str:
    project = scene.clone()
    project.set_param(SOURCE, "/data/a: b.zip")
    told = project.dvc("repro", code=255)
    lines = (project.folder / "params.yaml").read_text(encoding="utf-8").splitlines()
    (number,) = [place for place, line in enumerate(lines, 1) if "/data/a: b.zip" in line]
    assert f"line {number}" in told
    assert "source: /data/a: b.zip" in told
    return f"{error(told)}, with the line and its number; nothing runs"


def relative_in_temp(scene: Scene) -> str:
    project = scene.clone()
    write(project.folder / "mine.zip")
    with (project.folder / ".git/info/exclude").open("a") as ignored:
        ignored.write("mine.zip\n")
    command = ("dvc", "exp", "run", "--temp", "-S")
    printed = project.run(*command, f"{SOURCE}=mine.zip", code=255)
    elsewhere = project.folder / ".dvc/tmp/exps/standalone"
    told = " ".join(
        "…," if Path(word).is_relative_to(elsewhere) else word for word in error(printed).split()
    )
    printed = project.run(*command, f"{SOURCE}={project.folder}/mine.zip", "download")
    assert "download: 50 images" in printed
    return f"{told}; by its path from `/` on, the archive is taken"
