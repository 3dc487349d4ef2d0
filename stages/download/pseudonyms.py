"""Replace the names of own cells by pseudonyms: nothing after the stage download holds a name.

A pseudonym is a keyed hash (HMAC-SHA256). The same name and key give the same pseudonym, on every
machine. Without the key nobody can make pseudonyms, nor try names against them. The key lies
outside the project: git, DVC and their remotes never get it.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import re
import secrets
import tempfile
import unicodedata
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

import pandas as pd

from stages.common.errors import StageError
from stages.common.files import atomic_path
from stages.dataset.archive_metadata import IMAGES
from stages.download.partial_file import state_folder

IDENTIFYING = ("subject", "field", "cell")
"""Columns whose values are names; empty where they are unknown."""

_OURS = ("file_name", "label", "fold", "split")
_KEY = re.compile(r"[0-9a-f]{64}\n?", re.ASCII)
_DIGITS = 12


def key_path() -> Path:
    """Return the path of the key: PSEUDONYM_KEY if it is set, else in the user's own settings."""
    settings = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    default = f"{settings}/leukemia-classification/pseudonym.key"
    return Path(os.environ.get("PSEUDONYM_KEY") or default).expanduser()


def read_key(path: Path) -> bytes:
    """Read the key; at first use make it, readable by its owner alone.

    Raises:
        StageError: if the file is no key, or cannot be read or made.
    """
    try:
        if not path.exists():
            _make_key(path)
        text = path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise StageError(
            f"{path}, the key of the pseudonyms, cannot be read or made ({error}); name another "
            "file in the environment variable PSEUDONYM_KEY"
        ) from error
    if not _KEY.fullmatch(text):
        raise StageError(
            f"{path} is no key of pseudonyms: expected 64 hexadecimal digits; put the right key "
            "there, or name its file in the environment variable PSEUDONYM_KEY"
        )
    return bytes.fromhex(text)


def _make_key(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent) as made:  # its mode is 600
        made.write(f"{secrets.token_hex(32)}\n")
        made.flush()
        with contextlib.suppress(FileExistsError):  # another process was faster: its key is taken
            os.link(made.name, path)


def key_fingerprint(key: bytes) -> str:
    """Return a few digits by which people see whether they have the same key."""
    return _digits("key", "", key)[:8]


def pseudonym(name: str, *, kind: str, key: bytes) -> str:
    """Return the pseudonym of a name: the first letter of its kind, and 12 hexadecimal digits.

    Args:
        name: compared as people read it: however its accents are encoded.
        kind: what has the name, for example `subject`; a subject and an image of one name differ.
        key: from `read_key`.
    """
    # The letter keeps 12 digits from being read as a number, as 12e456789012 would be.
    return kind[0] + _digits(kind, unicodedata.normalize("NFC", name), key)


def pseudonyms(names: Iterable[str], *, kind: str, key: bytes) -> dict[str, str]:
    """Map each name to its pseudonym.

    Raises:
        StageError: if two names have the same one.
    """
    found: dict[str, str] = {}
    for name in sorted(set(names)):
        made = pseudonym(name, kind=kind, key=key)
        if made in found:
            raise StageError(
                f"the {kind}s {found[made]!r} and {name!r} have the same pseudonym; rename one "
                "of them in the source"
            )
        found[made] = name
    return {name: made for made, name in found.items()}


def hide_names(table: pd.DataFrame, *, names_csv: str) -> tuple[pd.DataFrame, str]:
    """Return the table as `pseudonymised` with the user's key, and the key's fingerprint.

    Who has which pseudonym is written to the file `names_csv` in the folder of partial files.
    """
    key = read_key(key_path())
    replaced = pseudonymised(table, key=key)
    write_names(table, replaced, state_folder() / names_csv)
    return replaced, key_fingerprint(key)


def pseudonymised(table: pd.DataFrame, *, key: bytes) -> pd.DataFrame:
    """Return the table of an archive's images with pseudonyms for names; the rows keep their order.

    Args:
        table: column `file_name`, the path of each image below IMAGES; those of IDENTIFYING that
            are known; and any others, which stay as they are.
        key: from `read_key`.

    Returns:
        The table. A file name keeps its ending, in lower case, and none of its folders but IMAGES.

    Raises:
        StageError: if two names have the same pseudonym, or another column repeats a name.
    """
    _refuse_names_elsewhere(table)
    names = table["file_name"].str.removeprefix(IMAGES)
    images = pseudonyms(names, kind="image", key=key)
    replaced = {"file_name": [f"{IMAGES}{images[name]}{_ending(name)}" for name in names]}
    for column in (column for column in IDENTIFYING if column in table):
        known = pseudonyms(table[column], kind=column, key=key) | {"": ""}
        replaced[column] = [known[name] for name in table[column]]
    return table.assign(**replaced)


def write_names(table: pd.DataFrame, replaced: pd.DataFrame, path: Path) -> None:
    """Write which name has which pseudonym, one row an image, readable by its owner alone.

    Args:
        table: as given to `pseudonymised`.
        replaced: what it returned.
        path: the file, outside what git and DVC keep.
    """
    columns = [column for column in ("file_name", *IDENTIFYING) if column in table]
    together = table[columns].join(replaced[columns].add_prefix("pseudonym_of_"))
    with atomic_path(path) as made:
        made.touch(mode=0o600)
        together.to_csv(made, index=False, lineterminator="\n")


def _refuse_names_elsewhere(table: pd.DataFrame) -> None:
    """Refuse a further column that gives the names away: it would be carried along."""
    names = {"file_name": [PurePosixPath(name).stem for name in table["file_name"]]}
    if "subject" in table and (table["subject"] != "").all():
        names["subject"] = table["subject"].tolist()
    for column in table.columns.difference([*IDENTIFYING, *_OURS], sort=False):
        values = table[column].astype(str).tolist()
        for kind, known in names.items():
            if all(name in value for name, value in zip(known, values, strict=True)):
                raise StageError(
                    f"column {column!r} holds the {kind} of each image, which pseudonyms are to "
                    "keep from git and remotes; leave the column out, or set download.identifiers "
                    "to names"
                )


def _ending(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


def _digits(kind: str, name: str, key: bytes) -> str:
    content = f"{kind}\0{name}".encode("utf-8", "surrogateescape")
    return hmac.new(key, content, hashlib.sha256).hexdigest()[:_DIGITS]
