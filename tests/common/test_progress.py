from __future__ import annotations

import io
import sys

import pytest

from stages.common.progress import progress


class Terminal(io.StringIO):
    """Standard error as a person sees it."""

    def isatty(self) -> bool:
        return True


class Clock:
    """The time in seconds, which passes only when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("tqdm.std.time", clock)
    return clock


def work(clock: Clock, *, seconds: int, total: int = 600) -> None:
    """Do `total` units of work, evenly over `seconds`."""
    with progress(total=total, description="Drawing", unit="cell") as bar:
        for step in range(1, 601):
            clock.now = step * seconds / 600
            bar.update(total // 600)


def test_a_log_gets_a_line_every_ten_seconds(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    work(clock, seconds=60)
    said, complained = capsys.readouterr()
    assert said == ""
    assert complained.isascii()
    assert not {"\x1b", "\r"} & set(complained)
    assert complained.endswith("\n")
    lines = complained.splitlines()
    assert 6 <= len(lines) <= 8
    assert lines[0].startswith("Drawing:   0%|")
    assert " 0/600 " in lines[0]
    assert lines[-1].startswith("Drawing: 100%|")
    assert " 600/600 [01:00<00:00, 10.00cell/s]" in lines[-1]


def test_short_work_is_two_lines_in_a_log(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    work(clock, seconds=5)
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_a_log_tells_rate_and_remaining_time_of_what_is_new(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    with progress(total=1000, initial=400, description="Transferring", unit="B") as bar:
        clock.now = 30
        bar.update(300)
    assert " 700/1.00k [00:30<00:30, 10.0B/s]" in capsys.readouterr().err.splitlines()[1]


def test_a_terminal_shows_the_work_as_it_goes(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    work(clock, seconds=60)
    assert terminal.getvalue().count("\r") > 100
    assert "█" in terminal.getvalue()


@pytest.mark.parametrize(("total", "shown"), [(99_600, "99600/99600"), (1_200_000, "1.20M/1.20M")])
def test_large_numbers_are_shown_in_thousands_and_millions(
    clock: Clock, capsys: pytest.CaptureFixture[str], total: int, shown: str
) -> None:
    work(clock, seconds=5, total=total)
    assert f" {shown} " in capsys.readouterr().err
