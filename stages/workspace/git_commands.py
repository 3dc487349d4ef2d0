"""Run git, and read files of a commit."""

from __future__ import annotations

import subprocess

from stages.common.errors import StageError


def git(*arguments: str) -> str:
    """Run git and return what it prints, without the last line end.

    Raises:
        StageError: if it fails.
    """
    done = _run(*arguments)
    if done.returncode:
        told = " ".join(done.stderr.decode(errors="replace").split())
        raise StageError(f"`git {' '.join(arguments)}` failed: {told}")
    return done.stdout.decode(errors="surrogateescape").removesuffix("\n")


def committed_file(commit: str, path: str) -> bytes | None:
    """Return the content of a file in a commit; None if the commit has no such file."""
    done = _run("cat-file", "blob", f"{commit}:{path}")
    return None if done.returncode else done.stdout


def _run(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = ["git", *arguments]
    try:
        return subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise StageError("git was not found; install it") from error
