"""Which tests run in one process of pytest-xdist, and which begin."""

from __future__ import annotations

from xdist.scheduler import LoadFileScheduling

TOGETHER = {
    # They share remotes, and clones that have pushed to them.
    "tests/dvc/test_push_pull.py": "tests/dvc/test_faults.py",
    # They run DVC in one working tree, which takes one command at a time.
    "tests/dvc/test_project.py": "tests/dvc/test_first_run.py",
}
"""A file, and another one whose tests run in the same process."""

LONGEST_FIRST = [
    # With two processes the second begins with files that do not wait for the first `dvc repro`.
    "tests/dvc/test_faults.py",
    "tests/train/test_loop.py",
    "tests/train/test_loop_settings.py",
    "tests/dvc/test_stages_killed.py",
    "tests/dvc/test_experiments.py",
    "tests/dvc/test_branches.py",
    "tests/dvc/test_first_run.py",
    "tests/dvc/test_verify.py",
    "tests/dvc/test_profiles.py",
    "tests/dvc/test_model_elsewhere.py",
    "tests/dvc/test_pr_report.py",
]
"""The groups that take longest, so that no process is left alone with one of them at the end."""


def group(nodeid: str) -> str:
    """The file whose tests run in one process with this one."""
    path = nodeid.partition("::")[0]
    return TOGETHER.get(path, path)


def place(nodeid: str) -> int:
    """Where a test comes in the order of groups; the same for all that are not named."""
    named = group(nodeid)
    return LONGEST_FIRST.index(named) if named in LONGEST_FIRST else len(LONGEST_FIRST)


class SharedFixtures(LoadFileScheduling):
    """Keeps in one process the tests of a file, and those of files that share fixtures."""

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)
