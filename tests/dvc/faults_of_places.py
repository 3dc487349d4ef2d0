"""Where the project lies: below another repository, in a worktree, in odd paths, without git."""

from __future__ import annotations

import re
import shutil

from tests.dvc.project import RATE, Project, make, stages_run
from tests.dvc.scene import Scene, error

ODD = 'it\'s "a" $HOME #1 %20 [z]* (w) & ; ? ! ~ = + , @ ^ ` | \\'


def below_another_repository(scene: Scene) -> str:
    project = scene.origin.clone(scene.folder / "another repository/a folder")
    shutil.rmtree(project.folder / ".git")
    another = Project(project.folder.parent, project.environment)
    (another.folder / "metrics").mkdir()
    (another.folder / "metrics/predictions.csv").write_text("of another project")
    another.git("init --quiet --initial-branch=main")
    another.git("add --all")
    another.commit("All of it")
    return f"as elsewhere ({_everything_works(scene, project)})"


def worktree(scene: Scene) -> str:
    clone = scene.origin.clone(scene.folder / "clone")
    project = Project(scene.folder / "tree", clone.environment, clone.cache)
    clone.run("git", "worktree", "add", "--quiet", "-b", "side", project.folder)
    shutil.copy(clone.folder / ".dvc/config.local", project.folder / ".dvc")
    project.dvc("checkout --quiet")
    return f"as elsewhere ({_everything_works(scene, project)})"


def renamed_to_odd(scene: Scene) -> str:
    clone = scene.origin.clone(scene.folder / "clone")
    clone.folder.rename(folder := scene.folder / ODD)
    project = Project(folder, clone.environment, clone.cache)
    project.set_param(RATE, 0.003)
    told = make(project, "leakage", code=2)
    assert "leakage: the experiment profiles.synthetic.split.strategy=subject failed (" in told
    assert "the path of this folder holds '#', '%', '?'" in told.replace(", '\\\\'", "")
    project.git("checkout --quiet params.yaml")
    right = _everything_works(scene, project)
    return (
        f"as elsewhere ({right}), except for experiments beside the workspace, which DVC does not "
        "run there: `make leakage` names the characters"
    )


def brace_in_path(scene: Scene) -> str:
    clone = scene.origin.clone(scene.folder / "clone")
    clone.folder.rename(folder := scene.folder / "a {b}")
    project = Project(folder, clone.environment, clone.cache)
    told = project.run("make", "repro", code=2)
    assert told.startswith("DVC cannot keep outputs in a folder with a brace in its path: rename")
    assert not (folder / ".venv").exists()
    printed = project.dvc("repro --force download", code=255)
    return (
        f"`make repro` says so before it installs anything; the first stage, before it works: "
        f"{re.sub(re.escape(str(folder)), '…', error(printed))}"
    )


def not_in_git(scene: Scene) -> str:
    project = scene.origin.clone(scene.folder / "clone", pulled=False)
    shutil.rmtree(project.folder / ".git")
    told = project.run("make", "repro", code=2)
    assert told.startswith("DVC keeps what it knows in git, and git says here: fatal: not a git ")
    assert "git init && git add --all && git commit" in told
    assert not (project.folder / ".venv").exists()
    for name in ("compare HEAD", "compare.experiments", "compare.pr_report HEAD pr-report"):
        assert "lies in no git repository; clone" in _line(project, f"stages.{name}")
    for name in ("compare.leakage_gap", "workspace.verify", "workspace.lock_check"):
        assert "lies in no git repository; clone" in _line(project, f"stages.{name}")
    project.git("init --quiet --initial-branch=main")
    project.git("add --all")
    project.commit("Start")
    assert "are those of this code" in make(project, "locked")
    return (
        "`make repro` says so before it installs anything, and what to do; after that: as elsewhere"
    )


def nothing_committed(scene: Scene) -> str:
    project = scene.origin.clone(scene.folder / "clone", pulled=False)
    shutil.rmtree(project.folder / ".git")
    project.git("init --quiet --initial-branch=main")
    for module in ("compare HEAD", "compare.experiments", "compare.leakage_gap"):
        assert "has no commit yet; make the first" in _line(project, f"stages.{module}")
    for module in ("compare.pr_report HEAD pr-report", "workspace.verify"):
        assert "has no commit yet; make the first" in _line(project, f"stages.{module}")
    return "each command that compares with a commit asks for the first one"


def no_identity(scene: Scene) -> str:
    project = scene.clone()
    names = [name for name in project.environment if re.match(r"GIT_(AUTHOR|COMMITTER)_", name)]
    unknown = {name: value for name, value in project.environment.items() if name not in names}
    project = Project(project.folder, unknown, project.cache)
    project.set_param(RATE, 0.003)
    edited = project.git("diff")
    told = _line(project, "stages.compare.leakage_gap")
    assert "git does not know who you are; tell it with `git config --global user.name" in told
    assert project.git("diff") == edited
    return "one line says how to tell git who you are; the edit stays as it is"


def broken_yaml(scene: Scene) -> str:
    project = scene.clone()
    with (project.folder / "dvc.yaml").open("a") as file:
        file.write("stages: [\n")
    remedy = "`git checkout HEAD -- .dvc dvc.yaml dvc.lock`"
    assert remedy in _line(project, "stages.workspace.lock_check")
    assert "leakage: the experiment" in _line(project, "stages.compare.leakage_gap")
    return "one line with what DVC says, from each command that asks DVC"


def no_pipeline(scene: Scene) -> str:
    project = scene.clone()
    (project.folder / "dvc.yaml").unlink()
    for name in ("lock_check", "relock"):
        told = _line(project, f"stages.workspace.{name}")
        assert "there is no dvc.yaml with stages" in told
    return "`make locked` and `make relock` say so in one line"


def index_damaged(scene: Scene) -> str:
    project = scene.clone()
    (project.folder / ".git/index").write_text("nothing of git's")
    for name in ("compare nosuch", "compare.experiments", "compare.pr_report HEAD pr-report"):
        told = _line(project, f"stages.{name}")
        assert "git cannot read its index" in told
    for name in ("compare.leakage_gap", "workspace.lock_check", "workspace.relock"):
        told = _line(project, f"stages.{name}")
    for command in re.findall(r"`(.+?)`", told):
        project.run("sh", "-c", command)
    assert "are those of this code" in make(project, "locked")
    return (
        "each command that asks DVC, which would wait forever, says in one line how to make it "
        f"anew; after that: as elsewhere ({scene.right(project)})"
    )


def repository_moved(scene: Scene) -> str:
    clone = scene.origin.clone(scene.folder / "clone", pulled=False)
    project = Project(scene.folder / "tree", clone.environment)
    clone.run("git", "worktree", "add", "--quiet", "-b", "side", project.folder)
    clone.folder.rename(moved := scene.folder / "moved")
    assert f"run in it: git worktree repair {project.folder}" in make(project, "repro", code=2)
    told = _line(project, "stages.compare HEAD")
    (repair,) = re.findall(r"`(.+?)`", told)
    Project(moved, clone.environment).run("sh", "-c", repair)
    assert "are those of this code" in make(project, "locked")
    return "one line names `git worktree repair`; after that: as elsewhere"


def shallow(scene: Scene) -> str:
    full = scene.origin.clone(scene.folder / "full", pulled=False)
    full.git("branch other")
    project = full.clone(scene.folder / "clone", "--depth", "1", pulled=False)
    told = _line(project, "stages.compare other")
    (fetch,) = re.findall("`(git fetch origin .+?)`", told)
    project.run("sh", "-c", fetch.replace("NAME", "other"))
    assert "other → workspace" in project.run("python", "-m", "stages.compare", "other")
    return "`make compare` says what to fetch; after that: as elsewhere"


def head_empty(scene: Scene) -> str:
    project = scene.clone()
    (project.folder / ".git/HEAD").write_text("")
    by_make = project.run("make", "repro", code=2)
    for name in ("compare main", "workspace.lock_check", "workspace.verify"):
        told = _line(project, f"stages.{name}")
        assert "git takes" in told
        assert "for no repository: it is damaged; if its file HEAD is empty" in told
    command = by_make.partition("name your branch in it: ")[2].splitlines()[0]
    project.run("sh", "-c", command)
    return f"each command says in one line how to mend it; after that: {scene.right(project)}"


def content_lost(scene: Scene) -> str:
    project = scene.origin.clone(scene.folder / "clone", "--no-hardlinks", pulled=False)
    blob = project.git("rev-parse HEAD:metrics/predictions.csv").strip()
    (project.folder / f".git/objects/{blob[:2]}/{blob[2:]}").unlink()
    told = _line(project, "stages.compare HEAD")
    assert "git has not the content of metrics/predictions.csv in" in told
    assert "`git fsck` says what is damaged, and `git fetch --refetch` brings it" in told
    project.git("fetch --quiet --refetch")
    assert "HEAD → workspace" in project.run("python", "-m", "stages.compare", "HEAD")
    return "`make compare` names the file and `git fetch --refetch`; after that: as elsewhere"


def without_packages(scene: Scene) -> str:
    project = scene.origin.clone(scene.folder / "clone", pulled=False)
    alone = project.with_variables({"PYTHONPATH": str(project.folder)})
    for module in ("stages.split", "stages.compare", "stages.workspace.lock_check"):
        (line,) = alone.run("python", "-S", "-m", module, code=1).splitlines()
        assert "has not the packages of requirements.txt; `make repro`" in line
    return "each stage and command says in one line to run `make repro`, or which Python to take"


def _line(project: Project, module: str) -> str:
    """The only line of a command of ours that ends in an error."""
    printed = project.run("python", "-m", *module.split(), code=2)
    (line,) = printed.splitlines()
    return line


def _everything_works(scene: Scene, project: Project) -> str:
    """Run what reads git or calls programs. Raises AssertionError where it goes wrong."""
    assert stages_run(make(project, "repro")) == []
    right = scene.right(project)
    assert "main → workspace" in make(project, "compare", "OTHER=")
    assert "main → HEAD" in make(project, "compare", "OTHER=HEAD")
    assert "are those of this code" in make(project, "locked")
    assert "workspace" in make(project, "experiments")
    make(project, "pr-report")
    assert "equal" in (project.folder / "pr-report/report.md").read_text(encoding="utf-8")
    assert stages_run(project.dvc("repro --force --single-item split")) == ["split"]
    return right
