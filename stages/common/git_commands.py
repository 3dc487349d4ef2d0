"""Run git where the project lies: at the root of a repository or below it, in any worktree."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

from stages.common.errors import StageError

NO_REPOSITORY = (
    "this folder lies in no git repository; clone the project by git, or make this folder one: "
    "`git init`, `git add --all`, `git commit --message Start`"
)
DAMAGED = (
    "git takes {there} for no repository: it is damaged; if its file HEAD is empty, as after a "
    "power cut, name your branch in it: `echo ref: refs/heads/BRANCH > {there}/HEAD`"
)
MOVED = (
    "git looks for the repository of this folder in {there}, where it is no more; if it was moved, "
    "run in it `git worktree repair {here}`, else clone the project anew"
)
ANOTHERS = (
    "this repository belongs to another user, and git reads it only if you say that you trust it; "
    "say so by `{command}`, or clone it, and work in your clone"
)
BROKEN_INDEX = (
    "git cannot read its index ({told}); make it anew, which touches none of your files: "
    '`rm "$(git rev-parse --git-path index)"`, then `git reset`'
)
IDENTITY = (
    "git does not know who you are; tell it with `git config --global user.name NAME` and "
    "`git config --global user.email ADDRESS`"
)


def git(*arguments: str) -> str:
    """Run git and return what it prints, without the last line end.

    Raises:
        StageError: if it fails.
    """
    done = _run(*arguments)
    if done.returncode:
        told = " ".join(done.stderr.decode(errors="replace").split())
        if "not a git repository: " in told:
            there = told.partition("not a git repository: ")[2]
            raise StageError(MOVED.format(there=there, here=shlex.quote(str(Path.cwd()))))
        if "not a git repository" in told:
            raise StageError(_no_repository())
        if "dubious ownership" in told:
            raise StageError(ANOTHERS.format(command=told[told.index("git config --global") :]))
        if "index file" in told:
            raise StageError(BROKEN_INDEX.format(told=told))
        raise StageError(f"`git {' '.join(arguments)}` failed: {told}")
    return os.fsdecode(done.stdout).removesuffix("\n")


def _no_repository() -> str:
    places = (folder / ".git" for folder in (Path.cwd(), *Path.cwd().parents))
    damaged = next((place for place in places if place.exists()), None)
    return DAMAGED.format(there=shlex.quote(str(damaged))) if damaged else NO_REPOSITORY


def find_commit(revision: str) -> str | None:
    """Return the commit that a branch, tag, hash or other revision of git names, if it is one.

    Raises:
        StageError: if this is no git repository.
    """
    git("rev-parse", "--git-dir")
    done = _run("rev-parse", "--quiet", "--verify", f"{revision}^{{commit}}")
    return None if done.returncode else done.stdout.decode().strip()


def head_commit() -> str:
    """Return the commit that is checked out.

    Raises:
        StageError: if this is no git repository, or one without a commit.
    """
    if commit := find_commit("HEAD"):
        return commit
    raise StageError(
        "this git repository has no commit yet; make the first: `git add --all`, then "
        "`git commit --message Start`"
    )


def lacking_history() -> str:
    """Return the end of a sentence that says how to get what a shallow clone lacks, else nothing.

    Raises:
        StageError: if this is no git repository.
    """
    if git("rev-parse", "--is-shallow-repository") != "true":
        return ""
    return (
        "; this clone is shallow: `git fetch --unshallow` brings the earlier commits, and `git "
        "fetch origin NAME:NAME` a branch"
    )


def conflicts() -> list[str]:
    """Return the files in which a merge has found conflicts that are not settled yet.

    Raises:
        StageError: if git cannot read its index, for which DVC would wait forever.
    """
    listed = git("ls-files", "--unmerged", "-z")
    return sorted({entry.partition("\t")[2] for entry in listed.split("\0")[:-1]})


def settle(unsettled: list[str]) -> str:
    """Return what to do about the files of `conflicts`."""
    names = shlex.join(unsettled)
    return f"settle the conflicts of the merge in {names}, then `git add {names}`"


def committed_file(commit: str, path: str) -> bytes | None:
    """Return the content of a file in a commit; None if the commit has no such file.

    Args:
        commit: of git.
        path: from the working folder, which may lie below the root of the repository.

    Raises:
        StageError: if git has the file in the commit, but not its content.
    """
    done = _run("cat-file", "blob", f"{commit}:./{path}")
    if done.returncode and " blob " in git("ls-tree", commit, "--", path):
        told = " ".join(done.stderr.decode(errors="replace").split())
        raise StageError(
            f"git has not the content of {path} in {commit[:8]} ({told}); `git fsck` says what is "
            "damaged, and `git fetch --refetch` brings it from the remote"
        )
    return None if done.returncode else done.stdout


def lacks_identity() -> bool:
    """Return whether git has no name or no address for who commits, as DVC looks for them."""
    return not all(
        os.environ.get(f"GIT_COMMITTER_{part.upper()}") or _run("config", f"user.{part}").stdout
        for part in ("name", "email")
    )


def _run(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = ["git", *arguments]
    environment = os.environ | {"LC_ALL": "C"}  # what git says is looked into
    try:
        return subprocess.run(command, env=environment, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise StageError("git was not found; install it") from error
