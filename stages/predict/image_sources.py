"""From the arguments of the command to images, in their order: files, folders, globs and zips."""

from __future__ import annotations

import functools
import glob
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from stages.common.errors import StageError
from stages.dataset.archive import ArchiveError, is_clutter
from stages.dataset.image_decoding import MOST_BYTES, Pixels
from stages.predict.zip_images import ZipImages

IMAGE_NAMES = (
    *(".bmp", ".dib", ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".webp"),
    *(".gif", ".jp2", ".heic", ".heif", ".avif", ".ppm", ".pgm", ".tga", ".svs", ".dcm"),
)
"""Ends of names of what is taken from folders and zips. The latter ten are then told to be unread.

The set of download.source is taken in the same way.
"""

_ZIP = b"PK\x03\x04"

LeftOut = Callable[[str], object]


class ImageSource(NamedTuple):
    """An image that has not been read.

    Attributes:
        name: as it stands in the first column of the answers.
        read: returns the bytes of the file, or pixels as uint8 (height, width, 3); raises
            StageError if that fails.
    """

    name: str
    read: Callable[[], bytes | Pixels]


class UnlistedSource(ImageSource):
    """A folder or zip that cannot be listed."""


def image_sources(arguments: Iterable[str], *, left_out: LeftOut) -> Iterator[ImageSource]:
    """List the images that arguments name, while they are asked for.

    The order is that of the arguments, and of the paths below a folder, in a zip, or that fit a
    glob. A file that is named is an image, whatever its name. What cannot be listed becomes a
    source whose `read` raises.

    Args:
        arguments: files, folders, zips, or globs of these.
        left_out: called with the path of each file in a folder or zip that is no image by its name;
            hidden files, and those that systems leave in folders, are not worth a word.
    """
    for argument in arguments:
        for path in _matching(argument):
            yield from _sources_at(path, left_out)


def _matching(argument: str) -> list[str]:
    is_path = Path(argument).exists() or not glob.has_magic(argument)
    if is_path:
        return [argument]
    return sorted(glob.glob(argument, recursive=True)) or [argument]  # noqa: PTH207  # absolute, too


def _sources_at(path: str, left_out: LeftOut) -> Iterator[ImageSource]:
    try:
        if Path(path).is_dir():
            yield from _images(_in_folder(path), left_out)
        elif _is_zip(Path(path)):
            yield from _images(_in_zip(path), left_out)
        else:
            yield ImageSource(path, functools.partial(read_file, path))
    except (StageError, OSError) as error:
        yield _unlisted(path, error)


def _images(files: Iterable[ImageSource], left_out: LeftOut) -> Iterator[ImageSource]:
    for file in files:
        if isinstance(file, UnlistedSource) or file.name.lower().endswith(IMAGE_NAMES):
            yield file
        else:
            left_out(file.name)


def _in_zip(path: str) -> Iterator[ImageSource]:
    try:
        images = ZipImages(Path(path))
    except ArchiveError as error:
        raise StageError(f"{error}; pack it anew") from error
    for name in images.names:
        yield ImageSource(f"{path}/{name}", functools.partial(images.read, name))


def _in_folder(folder: str, above: tuple[str, ...] = ()) -> Iterator[ImageSource]:
    """List a folder in the order of all paths below it, without a list of them all."""
    here = os.path.realpath(folder)
    if here in above:  # a link that leads back
        return
    with os.scandir(folder) as found:
        entries = [entry for entry in found if not is_clutter(entry.name)]
    for entry in sorted(entries, key=lambda entry: entry.name + "/" * entry.is_dir()):
        path = f"{folder.rstrip('/')}/{entry.name}"
        if not entry.is_dir():
            yield ImageSource(path, functools.partial(read_file, path))
            continue
        try:
            yield from _in_folder(path, (*above, here))
        except OSError as error:
            yield _unlisted(path, error)


def _unlisted(path: str, error: Exception) -> ImageSource:
    def read() -> bytes:
        raise StageError(_reason(error)) from error

    return UnlistedSource(path, read)


def read_file(path: str | Path) -> bytes:
    """Return the bytes of a file. Raises StageError if it cannot be read, or is none."""
    try:
        if Path(path).exists() and not Path(path).is_file():
            raise StageError("it is neither file nor folder; name a file")
        with Path(path).open("rb") as file:
            if os.fstat(file.fileno()).st_size > MOST_BYTES:
                raise StageError(f"it is larger than {MOST_BYTES:,} bytes; cut the cells out of it")
            content = file.read()
    except OSError as error:
        raise StageError(_reason(error)) from error
    if content.startswith(_ZIP):
        raise StageError("it is a zip; name it by itself")
    return content


def _is_zip(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return path.suffix.lower() == ".zip" or file.read(len(_ZIP)) == _ZIP


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file or folder"
    if isinstance(error, OSError):
        return f"the system does not let it be read ({error.strerror or error})"
    return str(error)
