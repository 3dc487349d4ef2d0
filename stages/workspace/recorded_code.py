"""The code with which stages ran last: looked for in git's history by its hash in dvc.lock."""

from __future__ import annotations

from collections.abc import Iterator

from stages.common.dvc_hash import Files, dvc_hash
from stages.common.git_commands import committed_file, git


def find_recorded(path: str, recorded: str) -> Files | None:
    """Return the latest committed content with a hash; None if no commit before HEAD has it.

    Args:
        path: of a file or folder, from the working folder.
        recorded: its hash in dvc.lock.
    """
    commits = git("log", "--format=%H", "--full-history", "HEAD", "--", path).split()
    return next((files for files in _contents(path, commits) if dvc_hash(files) == recorded), None)


def _contents(path: str, commits: list[str]) -> Iterator[Files]:
    for commit in commits:
        listed = git("ls-tree", "-r", "-z", "--name-only", commit, "--", path).split("\0")[:-1]
        contents = {name: committed_file(commit, name) for name in listed}
        yield {
            name.removeprefix(path).removeprefix("/"): content
            for name, content in contents.items()
            if content is not None
        }
