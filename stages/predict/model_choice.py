"""Which model is asked: a file, or that of a revision of this repository."""

from __future__ import annotations

from pathlib import Path

from stages.common.errors import StageError
from stages.common.git_commands import find_commit, lacking_history
from stages.predict.classifier import Classifier
from stages.predict.image_answers import DEFAULT_MODEL, load_model


def chosen_model(chosen: str) -> Classifier:
    """Open the model at a path; where there is no such file, that of a revision or tag.

    Raises:
        StageError: if it is neither, or its model cannot be brought or opened.
    """
    path = Path(chosen)
    if path.exists() or path == DEFAULT_MODEL or not (commit := _commit(chosen)):
        return load_model(path)
    return Classifier(_content_in(commit, chosen), name=f"{DEFAULT_MODEL} of {chosen}")


def _commit(revision: str) -> str | None:
    try:
        return find_commit(revision)
    except StageError:  # no git, or no repository
        return None


def _content_in(commit: str, revision: str) -> bytes:
    """Return the model's bytes in a commit, from DVC's cache or remote."""
    try:
        import dvc.api

        from stages.common.dvc_errors import dvc_errors
    except ImportError as error:
        raise StageError(
            f"--model {revision}: the model of a revision is brought by DVC, which is not "
            "installed; `make repro` makes .venv, which has it; or name a file"
        ) from error
    remedy = f"`dvc push` where it was made brings it to the remote{lacking_history()}"
    with dvc_errors(f"{revision} has no {DEFAULT_MODEL} that DVC can bring", remedy=remedy):
        content: bytes = dvc.api.read(str(DEFAULT_MODEL), rev=commit, mode="rb")
    return content
