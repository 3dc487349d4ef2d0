"""Whose detachment a HEAD is in; with a real DVC in tests/dvc/test_killed_experiment.py."""

from __future__ import annotations

import pytest

from stages.common.killed_experiment import Detachment, detached_by_dvc

COMMIT = "4ce5f543cb2484264e58e028c057ddfee111a6e7"
MOVE = f"checkout: moving from a/b to {COMMIT}"
BACK = "dvc: Restore HEAD to 'a/b'"
LATER = [f"dvc: Restore HEAD to '{COMMIT}'", "commit: dvc: commit experiment 28c2"]
START = "commit (initial): Start"


def reflog(*entries: str) -> list[str]:
    """Entries with the times that they happened at, the latest first."""
    return [f"HEAD@{{{90 - age}}} {entry}" for age, entry in enumerate(entries)]


@pytest.mark.parametrize("later", [0, 1, 3])
def test_dvc_detaches_twice_and_later_experiments_do_not_hide_it(later: int) -> None:
    entries = reflog(*(LATER * later), MOVE, BACK, MOVE, START)
    assert detached_by_dvc(entries) == Detachment(90 - 2 * later, "a/b")


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [START],
        [MOVE],
        [MOVE, START],
        [MOVE, BACK, "commit: dvc: commit experiment 28c2", MOVE, BACK, MOVE],
        [BACK, MOVE, START],
        ["commit: of the user", MOVE, BACK, MOVE],
        ["checkout: moving from a/b to v1.0", BACK, MOVE],
        [MOVE, "dvc: Restore HEAD to 'other'", MOVE],
        ["checkout: moving from main to other", MOVE, BACK, MOVE],
    ],
)
def test_a_head_that_the_user_has_chosen_is_not_dvcs(entries: list[str]) -> None:
    assert detached_by_dvc(reflog(*entries)) is None
