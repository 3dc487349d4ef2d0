import re

import pytest

from stages.train.learning_rate_policy import PolicyState
from stages.train.log import ESTIMATED_FROM, EpochLog

LOGS = {"loss": 0.12345678, "accuracy": 0.75, "val_loss": 0.5, "val_accuracy": 0.625}
BEFORE = PolicyState(learning_rate=0.1)
AFTER = PolicyState(learning_rate=0.05, epoch=2, best_epoch=1)


def epoch_log(*, steps: int = 2, estimate: bool = False) -> EpochLog:
    return EpochLog(epochs=3, steps=steps, batch_size=4, estimate=estimate)


def run_epoch(log: EpochLog, epoch: int, *, step: int = 0, steps: int = 2) -> None:
    log.begin(epoch, step=step, until=3)
    for _ in range(step, steps):
        log.after_step()
    log.end(LOGS, before=BEFORE, after=AFTER)


def test_each_epoch_is_a_line_and_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    log = epoch_log()
    for epoch in range(3):
        run_epoch(log, epoch)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert re.fullmatch(
        r"epoch 2/3: loss 0\.1235, accuracy 0\.7500, val_loss 0\.5000, val_accuracy 0\.6250; "
        r"learning rate 0\.1, next 0\.05; best epoch 1; \d+\.\d s, \d+\.\d training images/s with "
        r"validation, at most 0 s left",
        lines[1],
    )
    history = log.history()
    columns = ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"]
    assert history.columns.tolist() == columns
    assert history.to_numpy().tolist()[1] == [2, 0.123457, 0.75, 0.5, 0.625, 0.1]


def test_the_rate_and_the_time_left_come_from_the_steps_that_were_timed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 10.0])
    monkeypatch.setattr("stages.train.log.time.monotonic", lambda: next(clock))
    log = epoch_log()
    run_epoch(log, 0, step=1)  # resumed: one step of 4 images in 10 s; two epochs of two are left
    assert "10.0 s, 0.4 training images/s with validation, at most 40 s left" in (
        capsys.readouterr().out
    )
    timed = {"epoch": 1, "steps": 1, "seconds": 10.0, "images_per_second": 0.4}
    assert log.times == [timed]


def test_an_epoch_that_is_resumed_at_its_validation_foretells_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run_epoch(epoch_log(), 0, step=2)
    assert capsys.readouterr().out.endswith("time left unknown\n")


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (0.5, "0.50 s a step: 10 s an epoch, at most 27 s in all"),
        (10, "10.00 s a step: 3.3 min an epoch, at most 9.0 min in all"),
        (100, "100.00 s a step: 33.3 min an epoch, at most 1.5 h in all"),
    ],
)
def test_after_the_first_steps_the_whole_is_estimated_once(
    step: float, words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("stages.train.log.time.monotonic", lambda: now)
    log = epoch_log(steps=20, estimate=True)
    for epoch in range(2):
        log.begin(epoch, step=0, until=3)
        for number in range(20):
            now += step if number else 1000  # the first is slow
            log.after_step()
            told = capsys.readouterr().out
            expected = epoch == 0 and number == ESTIMATED_FROM
            assert told == (f"{words}, and validation in addition\n" if expected else "")
        log.close()


def test_where_no_estimate_is_wanted_there_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    log = epoch_log(steps=20)
    log.begin(0, step=0, until=3)
    for _ in range(20):
        log.after_step()
    log.close()
    assert capsys.readouterr().out == ""


def test_with_a_frozen_base_only_what_comes_before_the_other_steps_is_foretold(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("stages.train.log.time.monotonic", lambda: now)
    log = epoch_log(steps=20, estimate=True)
    for epoch, until in enumerate((2, 2, 3)):
        log.begin(epoch, step=0, until=until)
        for _ in range(20):
            now += until  # seconds a step
            log.after_step()
        log.end(LOGS, before=BEFORE, after=AFTER)
    estimates = [line for line in capsys.readouterr().out.splitlines() if "a step" in line]
    assert estimates == [
        "2.00 s a step: 40 s an epoch, at most 68 s until the base trains, and validation in "
        "addition",
        "3.00 s a step: 60 s an epoch, at most 42 s in all, and validation in addition",
    ]
