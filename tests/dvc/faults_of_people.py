"""What people do to a repository: conflicts, edits by hand, slips in params.yaml, odd places."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.docs.pages import commands, section
from tests.dvc.project import RATE, Project, stages_run
from tests.dvc.scene import Scene, error

CELLS = "data/splits/cells.csv"
SPLIT = "profiles.synthetic.split"
THRESHOLD = "profiles.synthetic.evaluate.threshold"
LOCKED = ("python", "-m", "stages.workspace.lock_check")


def lock_conflict(scene: Scene) -> str:
    """X changed the learning rate, Y the threshold; what both make together was made before."""
    project = scene.forked().clone(scene.folder / "clone")
    project.git("fetch --quiet origin main:main")
    project.set_param(THRESHOLD, 0.6)
    project.dvc("repro")
    both = project.outputs()
    project.git("reset --quiet --hard")
    project.git("switch --quiet --create Y main")
    project.set_param(THRESHOLD, 0.6)
    project.dvc("repro")
    project.commit("Raise the threshold")
    for side in ("ours", "theirs"):
        _merge(project, side)
        assert project.outputs() == both
    return (
        "`dvc repro` names dvc.lock and runs nothing, and `make locked` says to settle it; after "
        "`git checkout --ours -- dvc.lock "
        "metrics`, or `--theirs`, and `dvc repro`: nothing is computed, the hashes of both changes"
    )


def _merge(project: Project, side: str) -> None:
    project.git("switch --quiet --force-create merged Y")
    conflict = project.git("merge X", code=1)
    assert "CONFLICT (content): Merge conflict in dvc.lock" in conflict
    assert "params.yaml" not in re.findall(r"Merge conflict in (\S+)", conflict)
    assert "dvc.lock" in project.dvc("repro", code=255)
    assert "settle the conflicts of the merge in dvc.lock" in project.run(*LOCKED, code=2)
    checkout, repro, _ = commands(section("recipes.md", "Merge conflict in dvc.lock"))
    project.git(checkout.removeprefix("git ").replace("--ours", f"--{side}"))
    assert stages_run(project.dvc(repro.removeprefix("dvc "))) == []
    project.commit("Merge X")
    assert "up to date" in project.dvc("status")
    assert "are those of this code" in project.run(*LOCKED)
    assert "0.003" in project.dvc("params diff Y")
    assert "0.6" in project.dvc("params diff X")


def output_edited(scene: Scene) -> str:
    project = scene.clone()
    cells = project.folder / CELLS
    # In place. Through a link it would go into the cache, from where `dvc repro` would take it.
    cells.write_bytes(cells.read_bytes().replace(b",test", b",train", 1))
    assert re.search(rf"split:\s+changed outs:\s+modified: +{CELLS}", project.dvc("status"))
    assert f"split: {CELLS} is modified" in project.run(*LOCKED, code=1)
    assert stages_run(project.dvc("repro")) == []
    return f"`dvc status` and `make locked` name it; after `dvc repro`: {scene.right(project)}"


def code_commented(scene: Scene) -> str:
    project = scene.clone()
    for name in ("stages/common/files.py", "stages/split/groups.py", "requirements.txt"):
        with (project.folder / name).open("a", encoding="utf-8") as code:
            code.write("# A comment.\n")
    assert "stages/split" in project.dvc("status")
    project.run("python", "-m", "stages.workspace.relock")
    assert stages_run(project.dvc("repro")) == []
    return f"`make relock` gives dvc.lock the new hashes, and no stage runs: {scene.right(project)}"


def editors_at_work(scene: Scene) -> str:
    project = scene.clone()
    left = ("train/.loop.py.swp", "train/loop.py~", "train/#loop.py#", "train/loop.py.orig")
    left += ("train/.ipynb_checkpoints/loop-checkpoint.py", "split/.DS_Store", "split/Thumbs.db")
    for name in (*(f"stages/{name}" for name in left), "data/shards/training/.DS_Store"):
        (project.folder / name).parent.mkdir(exist_ok=True)
        (project.folder / name).write_text("left here")
    (project.folder / "stages/train/.#loop.py").symlink_to("me@here.1234:5678")  # of Emacs
    assert stages_run(project.dvc("repro")) == []
    right = scene.right(project)
    project.set_param(RATE, 0.0057)
    printed = project.dvc("repro train")
    assert stages_run(printed) == ["train"]
    assert "is another one: train.learning_rate 0.002 → 0.0057; how" in printed
    return f"no stage runs for them: {right}"


def other_line_ends(scene: Scene) -> str:
    options = ("-c", "core.autocrlf=true", "clone", "-c", "core.autocrlf=true")
    project = Project(scene.folder / "clone", scene.origin.environment, scene.origin.cache)
    scene.origin.run("git", *options, scene.origin.folder, project.folder)
    project.run("dvc", "cache", "dir", "--local", project.cache)
    project.dvc("checkout --quiet")
    assert stages_run(project.dvc("repro")) == []
    assert project.git("status --porcelain") == ""
    return f"no stage runs for them: {scene.right(project)}"


def metric_edited(scene: Scene) -> str:
    project = scene.clone()
    path = project.folder / "metrics/test.json"
    path.write_text(path.read_text().replace('"accuracy": 0', '"accuracy": 1', 1))
    assert "evaluate: metrics/test.json is modified" in project.run(*LOCKED, code=1)
    assert stages_run(project.dvc("repro")) == []
    assert project.git("status --porcelain") == ""
    return f"`make locked` names it; after `dvc repro`: {scene.right(project)}"


def wrong_value(key: str, value: object, *, runs: list[str]) -> Callable[[Scene], str]:
    """A parameter that is not one."""

    def play(scene: Scene) -> str:
        project = scene.clone()
        project.set_param(key, value)
        printed = project.dvc("repro", code=255)
        assert stages_run(printed) == runs
        assert "Traceback" not in printed
        project.git("checkout --quiet params.yaml")
        assert stages_run(project.dvc("repro")) == []
        return f"{error(printed)}; after its correction: {scene.right(project)}"

    return play


def key_misspelt(scene: Scene) -> str:
    project = scene.clone()
    params = project.folder / "params.yaml"
    params.write_text(params.read_text(encoding="utf-8").replace("test_share", "test_shape", 1))
    told = error(project.dvc("repro", code=255))
    project.git("checkout --quiet params.yaml")
    assert stages_run(project.dvc("repro")) == []
    return f"{told}; after its correction: {scene.right(project)}"


def key_misspelt_in_experiment(scene: Scene) -> str:
    project = scene.clone()
    for key in (f"{RATE}s", "profiles.synthetic.trian.learning_rate", "sead", "seed"):
        printed = project.run("dvc", "exp", "run", "-S", f"{key}=1", code=255)
        assert f"Could not override '{key}'" in printed
    assert project.git("status --porcelain") == ""
    return "error: Could not override '…'; nothing is changed"


def key_of_no_stage(scene: Scene) -> str:
    project = scene.clone()
    with (project.folder / "params.yaml").open("a") as params:
        params.write("sead: 5\n")
    assert stages_run(project.dvc("repro")) == []
    unknown = "sead is not a known parameter"
    assert unknown in project.run(*LOCKED, code=2)
    assert unknown in project.dvc("repro --force --single-item split", code=255)
    return (
        "`dvc repro` does not look at it; `make locked` names it, and so does the next stage that "
        "runs"
    )


def letters_beyond_ascii(scene: Scene) -> str:
    project = scene.origin.clone(scene.folder / "Zellen für Łódź 白血病")
    assert stages_run(project.dvc("repro")) == []
    right = scene.right(project)
    project.set_param(f"{SPLIT}.validation_share", 0.17)
    assert stages_run(project.dvc("repro split")) == ["split"]
    return f"as elsewhere ({right}), except for what [Limits](limits.md#dvc) says of DVC"


def home_read_only(scene: Scene) -> str:
    home = scene.origin.environment["HOME"]
    assert scene.origin.run("sh", "-c", f"touch {home}/file", code=1)
    return f"as elsewhere ({scene.right(scene.clone())})"
