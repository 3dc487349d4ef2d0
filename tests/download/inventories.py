"""The facts that would describe a set of given members."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from hashlib import sha256
from pathlib import PurePosixPath

from stages.dataset.archive_layout import canonical_folder
from stages.download.inventory import File, Folder, Inventory, listing_sha256


def inventory_of(members: Mapping[str, bytes]) -> Inventory:
    folders: dict[str, list[File]] = defaultdict(list)
    for path, content in members.items():
        file = File(PurePosixPath(path).name, len(content), sha256(content).hexdigest())
        folders[canonical_folder(path) or ""].append(file)
    return Inventory(
        "the tiny set",
        {
            name: Folder(len(files), files[0].size, listing_sha256(files))
            for name, files in folders.items()
        },
    )
