"""Shards and the table of their cells, as preprocess and split would write them, from arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from stages.dataset.shard_writer import Record, write_index, write_shard


def write_shards(
    folder: Path,
    records: Sequence[Record],
    *,
    image_size: int,
    per_shard: int = 256,
    crop_size: int = 450,
) -> Path:
    """Write the records, in their order, into the shards of a folder."""
    starts = range(0, len(records), per_shard)
    written = [
        write_shard(records[start : start + per_shard], folder, number=number)
        for number, start in enumerate(starts)
    ]
    write_index(folder, written, crop_size=crop_size, image_size=image_size)
    return folder


def table_of(parts: Mapping[str, Sequence[Record]]) -> pd.DataFrame:
    """Return a table of cells that puts the records into their parts, each of its own subject."""
    rows = [
        {
            "image": image_id,
            "member": f"{label}/{image_id}",
            "label": label,
            "subject": str(number),
            "field": 1,
            "cell": number,
            "fold": "fold_0",
            "group": str(number),
            "split": part,
        }
        for number, (part, (_, label, image_id)) in enumerate(
            [(part, record) for part, records in parts.items() for record in records], start=1
        )
    ]
    return pd.DataFrame(rows)
