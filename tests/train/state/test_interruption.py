import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from stages.train.state.interruption import watched
from tests.train.scene import ENVIRONMENT, Scene, command

DVC = Path(sys.executable).with_name("dvc")
EXIT_CODES = {signal.SIGTERM: 143, signal.SIGUSR1: 138, signal.SIGINT: 130, signal.SIGHUP: 129}


@pytest.mark.parametrize("number", EXIT_CODES)
def test_a_signal_ends_the_process_in_one_line(
    number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended, watched():
        os.kill(os.getpid(), number)
    assert ended.value.code == EXIT_CODES[number]
    assert capsys.readouterr().err == f"train: stopped by {number.name}.\n"


@pytest.mark.parametrize("number", EXIT_CODES)
def test_a_deferred_signal_waits_to_be_asked_for(number: signal.Signals) -> None:
    with watched() as watch:
        with watch.deferred():
            assert watch.reason is None
            os.kill(os.getpid(), number)
            reason = watch.reason
        assert reason is not None
        assert (reason.words, reason.exit_code) == (number.name, EXIT_CODES[number])
        with pytest.raises(SystemExit):
            watch.exit_if_requested(", late")


def test_without_a_reason_nobody_leaves() -> None:
    with watched() as watch:
        watch.exit_if_requested(".")


def test_handlers_are_put_back() -> None:
    before = [signal.getsignal(number) for number in EXIT_CODES]
    with watched():
        assert [signal.getsignal(number) for number in EXIT_CODES] != before
    assert [signal.getsignal(number) for number in EXIT_CODES] == before


def test_a_signal_that_was_ignored_stays_so() -> None:
    previous = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with watched() as watch:
            os.kill(os.getpid(), signal.SIGHUP)
            assert watch.reason is None
    finally:
        signal.signal(signal.SIGHUP, previous)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_what_a_shell_lets_dvc_ignore_is_heard_all_the_same(number: signal.Signals) -> None:
    previous = signal.signal(number, signal.SIG_IGN)  # as the job script does
    try:
        with pytest.raises(SystemExit) as ended, watched():
            os.kill(os.getpid(), number)
    finally:
        signal.signal(number, previous)
    assert ended.value.code == EXIT_CODES[number]


def test_the_end_of_the_parent_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    with watched() as watch:
        assert watch.reason is None
        monkeypatch.setattr(os, "getppid", lambda: 1)
        reason = watch.reason
    assert reason is not None
    assert "the process that started it" in reason.words


def test_nobody_there_to_read_the_line_changes_nothing() -> None:
    program = (
        "import os, signal; from stages.train.state.interruption import watched\n"
        "with watched(): os.kill(os.getpid(), signal.SIGTERM)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], env=ENVIRONMENT, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    process.stderr.close()
    assert process.wait() == 143


@pytest.mark.integration
def test_a_stage_whose_dvc_is_killed_saves_and_ends(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    # As in dvc.yaml: `exec`, or a shell would stay between the two.
    stage = {"cmd": f"exec {' '.join(command('step', 3, 'orphan'))} 2> told", "deps": ["shards"]}
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"train": stage}}))
    environment = {key: value for key, value in ENVIRONMENT.items() if key != "SHELL"}  # so: sh
    subprocess.run([DVC, "init", "--quiet", "--no-scm"], cwd=tmp_path, env=environment, check=True)
    finished = subprocess.run(
        [DVC, "repro"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )  # returns when the stage has closed its output, too
    assert finished.returncode == -signal.SIGKILL, finished.stderr
    told = (tmp_path / "told").read_text()
    assert re.search(
        r"train: stopped by the end of the process that started it after 0 epochs and 3 steps; "
        "what is done is saved",
        told,
    )
    assert scene.checkpoints()[-1].name == "checkpoint-000000-000000003"
    assert not scene.outputs()
