"""Say what data are, as the download stage knows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_BY_LAYOUT = {
    None: "unverified archive in the layout of C-NMC 2019",
    "class folders": "own cells in class folders",
    "table": "own cells with a table",
}


def data_name(downloaded: Mapping[str, Any]) -> str:
    """Name data by metrics/download.json, or by its section of an external set."""
    if downloaded["synthetic"]:
        return "synthetic"
    if downloaded["verified"]:
        return "C-NMC 2019, inventory verified"
    return _BY_LAYOUT[downloaded.get("layout")]
