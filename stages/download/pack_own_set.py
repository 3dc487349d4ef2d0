"""Pack a set that has not Kaggle's layout into an archive of own cells: a table and images.

See dataset/archive_metadata.py for this form. The same files give the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path, PurePosixPath

import pandas as pd

from stages.common.progress import progress
from stages.dataset.archive_metadata import METADATA, metadata_bytes
from stages.dataset.image_decoding import ImageError, decoding
from stages.download.class_mapping import class_counts, with_our_classes
from stages.download.image_check import ImageSize, checked_image, refuse_faults
from stages.download.label_table import images_in_tables
from stages.download.params import DownloadParams
from stages.download.pseudonyms import hide_names
from stages.download.set_layout import TABLE, images_in_class_folders, layout_of, tables_among
from stages.download.source_files import SourceFiles
from stages.download.zip_writer import PackedMember, on_all_cores, pack_member, write_members

_LAST_WORD = re.compile(r"[ _.(-]+[^\W\d_]+\)?$")
_FIRST_WORD = re.compile(r"^[^\W\d_]+[ _.-]+")


@dataclass(frozen=True)
class OwnSet:
    """What was packed.

    Attributes:
        layout: TABLE or CLASS_FOLDERS.
        table: one row per image: file_name, label, and what else is known of it.
        classes: the number of images of each class of the set, by our class, and `ignored`.
        other_files: number of files that are no images of the set.
        twins: the number of images whose name, but for a word, another one of class and part has,
            and two of them.
        sizes: the smallest and the largest width, then height, in pixels.
        pseudonym_key: fingerprint of the key of its pseudonyms; None if it has none.
    """

    layout: str
    table: pd.DataFrame
    classes: dict[str, dict[str, int]]
    other_files: int
    twins: tuple[int, list[str]]
    sizes: tuple[tuple[int, int], tuple[int, int]]
    pseudonym_key: str | None


def pack_own_set(
    files: SourceFiles,
    destination: Path,
    params: DownloadParams,
    *,
    name: str,
    names_csv: str = "names.csv",
) -> OwnSet:
    """Check all images of a set, and pack them with their table.

    Args:
        files: the files of the set.
        destination: path of the zip.
        params: which of its classes are ours.
        name: name of the set in messages about images.
        names_csv: name of the file that says who has which pseudonym.

    Raises:
        SetError: if the table, the folders or the classes are not as they should be.
        StageError: if an image cannot be read; all that cannot are counted.
    """
    layout = layout_of(files.names)
    images = images_in_tables(files) if layout == TABLE else images_in_class_folders(files.names)
    named = with_our_classes(images, params, layout=layout)
    table, pseudonym_key = named.drop(columns="source"), None
    if params.identifiers == "pseudonyms":
        table, pseudonym_key = hide_names(table, names_csv=names_csv)
    taken = table.assign(source=named["source"]).sort_values("file_name", ignore_index=True)
    table = taken.drop(columns="source")
    sizes: list[ImageSize] = []
    packed = _packed_images(files, taken, sizes, name=name)
    write_members(destination, chain(packed, [pack_member(METADATA, metadata_bytes(table))]))
    widths, heights = [size.width for size in sizes], [size.height for size in sizes]
    return OwnSet(
        layout,
        table,
        class_counts(images, named),
        len(files.names) - len(images) - len(tables_among(files.names)),
        (0, []) if layout == TABLE else _twins(images[images["source"].isin(named["source"])]),
        ((min(widths), max(widths)), (min(heights), max(heights))),
        pseudonym_key,
    )


def _twins(images: pd.DataFrame) -> tuple[int, list[str]]:
    """Count the images of class folders that look like copies by their names; name two of them."""
    same = [images[column] for column in ("label", "split") if column in images]
    stems = images["source"].map(lambda source: PurePosixPath(source).stem)
    pictures = stems.groupby(same).transform(_pictures)
    groups = images.groupby([*same, pictures])["source"]
    twins = images[groups.transform("size") > 1]
    return len(twins), next((group.tolist()[:2] for _, group in groups if len(group) > 1), [])


def _pictures(stems: pd.Series) -> pd.Series:
    """Return for each name that of the picture it may be a copy of: `0` for `0`, `0_mask`."""
    known = set(stems)
    shorter = [{_LAST_WORD.sub("", stem), _FIRST_WORD.sub("", stem)} - {stem} for stem in stems]
    pictures = [
        min(others & known, default=stem) for stem, others in zip(stems, shorter, strict=True)
    ]
    return pd.Series(pictures, stems.index)


def _packed_images(
    files: SourceFiles, taken: pd.DataFrame, sizes: list[ImageSize], *, name: str
) -> Iterator[PackedMember]:
    """Read, check and pack images on all cores, in order; add the size of each to `sizes`."""

    def pack(row: tuple[str, str]) -> tuple[PackedMember, ImageSize] | ImageError:
        source, member = row
        content = files.read(source)
        checked = checked_image(content)
        if isinstance(checked, ImageError):
            return checked
        return pack_member(member, content, compress=False), checked

    rows = list(zip(taken["source"], taken["file_name"], strict=True))
    faults: dict[str, ImageError | None] = {source: None for source, _ in rows}
    with decoding(), progress(total=len(rows), description="Packing", unit="image") as bar:
        for (source, _), packed in zip(rows, on_all_cores(pack, rows), strict=True):
            bar.update()
            if isinstance(packed, ImageError):
                faults[source] = packed
                continue
            sizes.append(packed[1])
            yield packed[0]
    refuse_faults(faults, name=name)
