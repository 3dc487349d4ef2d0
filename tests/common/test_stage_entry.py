from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import pytest

from stages.common.errors import CLONE, StageError
from stages.common.files import atomic_path
from stages.common.params_file import load_params
from stages.common.stage_entry import needs, run_stage
from stages.preprocess.params import PreprocessParams
from stages.split.params import SplitParams
from tests.conftest import ROOT

OPTIONS = ["--archive", "data/cnmc.zip", "--cells-csv", "cells.csv"]
Run = Callable[..., None]


def fake(
    params: SplitParams,
    *,
    base: Annotated[str, "model.base"],
    profile: str,
    archive: Path,
    cells_csv: Path,
) -> str:
    """Say what it was given."""
    given = (params.strategy, base, profile, archive.name, cells_csv)
    return " ".join(str(value) for value in given)


def scaling(params: PreprocessParams, *, archive: Path) -> str:
    return f"{archive} at {params.image_size} px"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run a stage, as from the command line, in a folder with the params.yaml that ships."""
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)

    def run(stage: Callable[..., str], *arguments: str) -> None:
        monkeypatch.setattr(sys, "argv", ["__main__.py", *arguments])
        run_stage(stage)

    return run


def choose_profile(name: str) -> None:
    path = Path("params.yaml")
    chosen = load_params(path).profile
    path.write_text(path.read_text().replace(f"profile: {chosen}", f"profile: {name}"))


def failure(capsys: pytest.CaptureFixture[str], run: Callable[[], None], *, code: int = 1) -> str:
    """What a stage that stops says on standard error; on standard output it says nothing."""
    with pytest.raises(SystemExit) as caught:
        run()
    assert caught.value.code == code
    said, complained = capsys.readouterr()
    assert said == ""
    assert "Traceback" not in complained
    return complained


def test_a_stage_gets_its_paths_sections_and_keys_and_says_what_it_made(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    run(fake, *OPTIONS)
    params = load_params(Path("params.yaml"))
    strategy = params.section(SplitParams).strategy
    assert capsys.readouterr() == (
        f"fake: {strategy} {params.model.base} {params.profile} cnmc.zip cells.csv\n",
        "",
    )


@pytest.mark.parametrize("profile", ["synthetic", "cnmc"])
def test_a_section_is_that_of_the_chosen_profile(
    run: Run, capsys: pytest.CaptureFixture[str], profile: str
) -> None:
    choose_profile(profile)
    run(scaling, "--archive", "cnmc.zip")
    size = load_params(ROOT / "params.yaml").profiles[profile].preprocess.image_size
    assert capsys.readouterr().out == f"scaling: cnmc.zip at {size} px\n"


def test_a_stage_takes_sections_by_their_type_and_keys_by_their_name() -> None:
    assert needs(fake) == {
        "params": SplitParams,
        "base": "model.base",
        "profile": "profile",
    }


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (OPTIONS[:2], "the following arguments are required: --cells-csv"),
        ([], "the following arguments are required: --archive, --cells-csv"),
        ([*OPTIONS, "--seed", "1"], "unrecognized arguments: --seed 1"),
        ([*OPTIONS, "cells.csv"], "unrecognized arguments: cells.csv"),
    ],
)
def test_wrong_options_are_told_with_the_command(
    run: Run, capsys: pytest.CaptureFixture[str], arguments: list[str], problem: str
) -> None:
    complained = failure(capsys, lambda: run(fake, *arguments), code=2)
    assert complained.endswith(f"python -m {__name__}: error: {problem}\n")


def test_help_tells_what_the_stage_does(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run(fake, "--help")
    assert caught.value.code == 0
    said = capsys.readouterr().out
    assert "Say what it was given." in said
    assert "--cells-csv CELLS_CSV" in said


def mendable(*, archive: Path) -> str:
    raise StageError(f"{archive} is too small; bring it in again")


def unwritable(*, archive: Path) -> str:
    raise PermissionError(13, "Permission denied", str(archive))


@pytest.mark.parametrize(
    ("stage", "line"),
    [
        (mendable, "mendable: cnmc.zip is too small; bring it in again\n"),
        (unwritable, f"unwritable: [Errno 13] Permission denied: 'cnmc.zip'; {CLONE}\n"),
    ],
)
def test_what_the_user_can_mend_is_one_line(
    run: Run, capsys: pytest.CaptureFixture[str], stage: Callable[..., str], line: str
) -> None:
    assert failure(capsys, lambda: run(stage, "--archive", "cnmc.zip")) == line


def test_wrong_parameters_are_told_before_any_work(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    choose_profile("kaggle")
    assert failure(capsys, lambda: run(mendable, "--archive", "cnmc.zip")) == (
        "mendable: params.yaml: profile is 'kaggle', expected one of: cnmc, synthetic\n"
    )


def test_missing_parameters_are_told_in_one_line(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("params.yaml").unlink()
    assert failure(capsys, lambda: run(fake, *OPTIONS)) == (
        "fake: params.yaml is missing; run this where params.yaml and dvc.yaml are\n"
    )


def test_an_unexpected_error_keeps_its_traceback(tmp_path: Path) -> None:
    shutil.copy(ROOT / "params.yaml", tmp_path)
    program = (
        "from stages.common.stage_entry import run_stage\n"
        "def broken() -> str:\n"
        "    return {}['no such key']\n"
        "run_stage(broken)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("Traceback (most recent call last):\n")
    assert "line 3, in broken" in done.stderr
    assert done.stderr.endswith("KeyError: 'no such key'\n")


def test_a_value_error_that_nobody_foresaw_is_not_taken_for_one_of_the_users(run: Run) -> None:
    def broken() -> str:
        raise ValueError("no such thing")

    with pytest.raises(ValueError, match="no such thing"):
        run(broken)


@pytest.mark.parametrize(
    ("number", "line"),
    [
        (signal.SIGINT, "stop_itself: interrupted; run it again to go on\n"),
        (signal.SIGTERM, "stopped by SIGTERM; run it again to go on\n"),
        (signal.SIGUSR1, "stopped by SIGUSR1; run it again to go on\n"),
    ],
)
def test_a_signal_ends_a_stage_in_one_line_and_nothing_half_written(
    run: Run, capsys: pytest.CaptureFixture[str], number: signal.Signals, line: str
) -> None:
    def stop_itself(*, archive: Path) -> str:
        with atomic_path(archive) as temporary:
            temporary.touch()
            os.kill(os.getpid(), number)
        return "not reached"

    told = failure(capsys, lambda: run(stop_itself, "--archive", "new/a.zip"), code=128 + number)
    assert told == line
    assert not list(Path("new").iterdir())


@pytest.mark.parametrize("name", ["a {b}", "a}", os.fsdecode(b"a\xff")])
def test_a_folder_in_which_dvc_keeps_no_outputs_is_refused_before_the_work(
    run: Run,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    (folder := tmp_path / name).mkdir()
    (tmp_path / "params.yaml").rename(folder / "params.yaml")
    monkeypatch.chdir(folder)
    told = failure(capfd, lambda: run(fake, *OPTIONS))
    assert told.startswith("fake: the path of this folder holds '")
    assert told.endswith("; rename the folder, or move the project elsewhere\n")


def test_other_characters_of_a_folder_are_taken(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder := tmp_path / 'it\'s "ü" $HOME #1 %20 \\').mkdir()
    (tmp_path / "params.yaml").rename(folder / "params.yaml")
    monkeypatch.chdir(folder)
    run(fake, *OPTIONS)
