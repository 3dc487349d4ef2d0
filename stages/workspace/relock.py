"""Give dvc.lock the hashes of code in which nothing but comments, docstrings and layout changed.

    python -m stages.workspace.relock

No stage runs, and no output is touched. The code that dvc.lock records is looked for in git.
"""

from __future__ import annotations

from stages.common.missing_package import explain_missing_packages

if __name__ == "__main__":
    explain_missing_packages()

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.common.command_entry import command
from stages.common.dvc_errors import dvc_errors
from stages.common.dvc_hash import Files, contents, dvc_hash
from stages.common.errors import StageError
from stages.common.git_commands import head_commit, lacking_history
from stages.common.params_file import load_params
from stages.workspace.code_difference import difference
from stages.workspace.lock_check import PARAMS, changed, require_stages
from stages.workspace.recorded_code import find_recorded

REMEDY = "run `dvc repro` instead, or take the changes back"


@dataclass(frozen=True)
class Code:
    """A file or folder of code that is not as dvc.lock records it.

    Attributes:
        recorded: its hash in dvc.lock.
        now: its contents.
    """

    path: str
    recorded: str
    now: Files


@command("relock")
def main() -> int:
    """Return the exit code: 0, 1 if more differs than may, or 2 after an error."""
    load_params(PARAMS)
    head_commit()
    codes, others = _changes()
    problems = list(dict.fromkeys([*others, *(line for code in codes for line in _problems(code))]))
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        print(f"dvc.lock stays as it is: {REMEDY}.", file=sys.stderr)
        return 1
    if not codes:
        print("dvc.lock has the hashes of this code already.")
        return 0
    stages = _write({code.path: dvc_hash(code.now) for code in codes})
    print(
        f"dvc.lock has the new hashes of {', '.join(sorted({code.path for code in codes}))} for "
        f"{', '.join(stages)}: nothing but comments, docstrings and layout differs. No stage has "
        "run. Commit the lock files with the code."
    )
    return 0


def _problems(code: Code) -> Iterator[str]:
    """Yield a line for each file that differs in what counts."""
    recorded = find_recorded(code.path, code.recorded)
    if recorded is None:
        yield (
            f"{code.path} differs, and with which code its stages ran is not known: no commit "
            f"before this one has it with the hash in dvc.lock ({code.recorded}){lacking_history()}"
        )
        return
    for name in sorted({*recorded, *code.now}):
        path = f"{code.path}/{name}" if name else code.path
        if reason := difference(path, recorded.get(name), code.now.get(name)):
            yield f"{path} {reason}"


def _changes() -> tuple[list[Code], list[str]]:
    """Return the code that is not as recorded, and a line for each other mismatch."""
    from dvc.repo import Repo

    remedy = "run this at the root of the project, with .dvc, dvc.yaml and dvc.lock as committed"
    with dvc_errors("DVC has no status", remedy=remedy), Repo() as repo:
        require_stages(repo)
        recorded = {
            (stage.addressing, str(dep)): dep.hash_info.value
            for stage in repo.index.stages
            for dep in stage.deps
            if dep.hash_info and not repo.scm.is_ignored(f"{dep}/")
        }
        status = repo.status()
        codes = [
            Code(path, md5, _files(repo, path))
            for path, md5 in sorted(take_out_code(status, recorded))
        ]
        others = list(changed(status, lambda path: repo.scm.is_ignored(f"{path}/")))
    return codes, others


def take_out_code(
    status: Mapping[str, Any], recorded: Mapping[tuple[str, str], str]
) -> set[tuple[str, str]]:
    """Take modified code out of the output of `dvc status --json`.

    Args:
        status: is changed.
        recorded: the hashes of code in dvc.lock, by stage and path.

    Returns:
        The paths of modified code, and their hashes in dvc.lock.
    """
    taken = set()
    for stage, changes in status.items():
        for change in changes:
            dependencies = change.get("changed deps", {}) if isinstance(change, Mapping) else {}
            for path, state in list(dependencies.items()):
                if state == "modified" and (stage, path) in recorded:
                    del dependencies[path]
                    taken.add((path, recorded[stage, path]))
    return taken


def _files(repo: Any, path: str) -> Files:
    """Return the contents of a file or folder in the working tree, without what DVC ignores."""
    found = repo.dvcignore.find(repo.fs, str(Path(path).absolute()))
    return contents(Path(path), map(Path, found))


def _write(hashes: Mapping[str, str]) -> list[str]:
    """Write the hashes of dependencies into dvc.lock; return the stages that have them."""
    from dvc.repo import Repo, lock_repo

    with dvc_errors("dvc.lock is not written", remedy=REMEDY), Repo() as repo, lock_repo(repo):
        saved = [
            (stage, dep)
            for stage in repo.index.stages
            for dep in stage.deps
            if str(dep) in hashes and dep.changed_checksum()
        ]
        for _, dep in saved:
            dep.save()
            if dep.hash_info.value != hashes[str(dep)]:
                raise StageError(f"{dep} has changed meanwhile")
        stages = list(dict.fromkeys(stage for stage, _ in saved))
        for path in dict.fromkeys(stage.path for stage in stages):
            of_file = [stage for stage in stages if stage.path == path]
            of_file[0].dvcfile.dump_stages(of_file, update_pipeline=False)
        for stage in stages:  # `dvc repro` would take these outputs from the run-cache
            if all(item.exists for item in [*stage.deps, *stage.outs]):
                repo.stage_cache.save(stage)
    return [stage.addressing for stage in stages]


if __name__ == "__main__":
    sys.exit(main())
