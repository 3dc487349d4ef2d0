"""Pack a set that has not Kaggle's layout into an archive of own cells: a table and images.

See dataset/archive_metadata.py for this form. The same files give the same bytes.
"""

from __future__ import annotations

import os
import zipfile
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from stages.common.progress import progress
from stages.dataset.archive_metadata import METADATA, metadata_bytes
from stages.dataset.image_decoding import ImageError, decoding
from stages.download.class_mapping import class_counts, with_our_classes
from stages.download.image_check import ImageFacts, checked_image, refuse_faults
from stages.download.label_table import images_in_tables
from stages.download.params import DownloadParams
from stages.download.pseudonyms import hide_names
from stages.download.set_layout import TABLE, images_in_class_folders, layout_of, tables_among
from stages.download.source_files import SourceFiles
from stages.download.zip_writer import add_member

_COMPRESSIBLE = ("BMP", "TIFF")
"""Forms of images that may get smaller in a zip."""


@dataclass(frozen=True)
class OwnSet:
    """What was packed.

    Attributes:
        layout: TABLE or CLASS_FOLDERS.
        table: one row per image: file_name, label, and what else is known of it.
        classes: the number of images of each class of the set, by our class, and `ignored`.
        other_files: number of files that are no images of the set.
        sizes: the smallest and the largest width, then height, in pixels.
        pseudonym_key: fingerprint of the key of its pseudonyms; None if it has none.
    """

    layout: str
    table: pd.DataFrame
    classes: dict[str, dict[str, int]]
    other_files: int
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
    named = with_our_classes(images, params)
    table, pseudonym_key = named.drop(columns="source"), None
    if params.identifiers == "pseudonyms":
        table, pseudonym_key = hide_names(table, names_csv=names_csv)
    taken = table.assign(source=named["source"]).sort_values("file_name", ignore_index=True)
    table = taken.drop(columns="source")
    with zipfile.ZipFile(destination, "w") as archive:
        sizes = _pack_images(files, taken, archive, name=name)
        add_member(archive, METADATA, metadata_bytes(table))
    return OwnSet(
        layout,
        table,
        class_counts(images, named),
        len(files.names) - len(images) - len(tables_among(files.names)),
        sizes,
        pseudonym_key,
    )


def _pack_images(
    files: SourceFiles, taken: pd.DataFrame, archive: zipfile.ZipFile, *, name: str
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Add the images to the archive; return the range of their widths, and of their heights."""
    sources = taken["source"].tolist()
    faults: dict[str, ImageError | None] = dict.fromkeys(sources)
    widths, heights = [], []
    with progress(total=len(sources), description="Packing", unit="image") as bar:
        for source, member, (content, checked) in zip(
            sources, taken["file_name"], _checked(files, sources), strict=True
        ):
            bar.update()
            if isinstance(checked, ImageError):
                faults[source] = checked
                continue
            widths.append(checked.width)
            heights.append(checked.height)
            add_member(archive, member, content, compress=checked.form in _COMPRESSIBLE)
    refuse_faults(faults, name=name)
    return (min(widths), max(widths)), (min(heights), max(heights))


def _checked(
    files: SourceFiles, sources: list[str]
) -> Iterator[tuple[bytes, ImageFacts | ImageError]]:
    """Read and decode images on all cores, in order; few are in memory at once."""

    def check(source: str) -> tuple[bytes, ImageFacts | ImageError]:
        content = files.read(source)
        return content, checked_image(content)

    workers = os.cpu_count() or 1
    waiting: deque[Future[tuple[bytes, ImageFacts | ImageError]]] = deque()
    with decoding(), ThreadPoolExecutor(workers) as pool:
        for source in sources:
            waiting.append(pool.submit(check, source))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
