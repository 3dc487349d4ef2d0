"""Notice, before the work, that DVC may not write into its cache after it: another user owns it."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from pathlib import Path

from stages.common.errors import StageError


def require_open_cache() -> None:
    """Refuse to run under DVC with a cache that another user keeps closed.

    DVC keeps objects in up to 256 folders, each of which belongs to the user who came first.

    Raises:
        StageError: if this user may not write in one of them.
    """
    if (root := os.environ.get("DVC_ROOT")) is None:
        return
    cache = _cache_folder(Path(root) / ".dvc")
    closed = [folder for folder in _folders(cache) if _closed_by_another(folder)]
    if closed:
        raise StageError(
            f"DVC's cache is {cache}, and you may not write in {closed[0]}, which belongs to "
            f"{_owner(closed[0])}{f', and in {len(closed) - 1} more' * (len(closed) > 1)}: DVC "
            "would fail after the work; each user of this cache runs `dvc config --local "
            "cache.shared group`, and opens what is there to a group that you share: `chgrp -R "
            f"GROUP {cache}`, `find {cache} -type d -user NAME -exec chmod g+rwxs {{}} +`"
        )


def _cache_folder(settings: Path) -> Path:
    from dvc.config import Config

    folder = Config(str(settings))["cache"].get("dir")
    return Path(folder) if folder else settings / "cache"


def _folders(cache: Path) -> Iterator[Path]:
    """Yield the folders of the cache in which DVC makes files and folders, as far as they exist."""
    for place in (cache, cache / "files/md5", cache / "runs"):
        if place.is_dir():
            yield place
            yield from (path for path in sorted(place.iterdir()) if len(path.name) == 2)


def _closed_by_another(folder: Path) -> bool:
    return folder.stat().st_uid != os.geteuid() and not os.access(folder, os.W_OK | os.X_OK)


def _owner(folder: Path) -> str:
    number = folder.stat().st_uid
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"the user {number}"
