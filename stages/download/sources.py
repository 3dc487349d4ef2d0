"""Where the archive comes from: drawn here, Kaggle, a path, or a URL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import fsspec

from stages.download.folder import pack_folder
from stages.download.kaggle import download_dataset
from stages.download.synthetic import write_synthetic_archive
from stages.download.transfer import CHUNK, download_url, public_url, root_cause, write_chunks
from stages.errors import StageError
from stages.params import DownloadParams


def source_kind(source: str) -> str:
    """Return what `download.source` means: synthetic, kaggle, url or path."""
    if source in ("synthetic", "kaggle"):
        return source
    return "url" if "://" in source else "path"


def source_name(params: DownloadParams) -> str:
    """Return how messages call the source: without credentials."""
    match source_kind(params.source):
        case "synthetic":
            return "the synthetic archive"
        case "kaggle":
            return f"Kaggle dataset {params.kaggle_dataset}"
        case "url":
            return public_url(params.source)
    return params.source


def fetch_archive(params: DownloadParams, destination: Path, *, seed: int) -> None:
    """Write the archive to `destination`, its content not yet verified.

    Raises:
        StageError: if the source is missing, cannot be read, or breaks off.
    """
    match source_kind(params.source):
        case "synthetic":
            write_synthetic_archive(destination, cells=params.synthetic_cells, seed=seed)
        case "kaggle":
            download_dataset(params.kaggle_dataset, destination)
        case "url" if params.source.lower().startswith(("http://", "https://")):
            download_url(params.source, destination)
        case "url":
            _copy_remote(params.source, destination)
        case "path" if Path(params.source).is_dir():
            pack_folder(Path(params.source), destination)
        case _:
            _copy_file(Path(params.source), destination)


def _copy_file(source: Path, destination: Path) -> None:
    if not source.is_file():
        raise StageError(
            f"{source} is not a file; download.source may be synthetic, kaggle, or a path or URL "
            "of a zip archive in the layout of Kaggle's andrewmvd/leukemia-classification"
        )
    with source.open("rb") as file:
        total = source.stat().st_size
        write_chunks(_chunks(file), destination, name=str(source), total=total)


def _copy_remote(url: str, destination: Path) -> None:
    """Copy what fsspec can open: s3://, gs://, ftp:// and others."""
    name = public_url(url)
    with _open_remote(url, name) as file:
        write_chunks(
            _remote_chunks(file, name), destination, name=name, total=getattr(file, "size", None)
        )


def _open_remote(url: str, name: str) -> Any:
    try:
        filesystem, path = fsspec.url_to_fs(url)
        return filesystem.open(path, "rb")
    except ImportError as error:  # fsspec's text says which package to install
        raise StageError(f"{name} cannot be opened: {error}") from error
    except Exception as error:
        raise _unreadable(name, error) from error


def _remote_chunks(file: BinaryIO, name: str) -> Iterator[bytes]:
    try:
        yield from _chunks(file)
    except Exception as error:
        raise _unreadable(name, error) from error


def _unreadable(name: str, error: Exception) -> StageError:
    # Each of fsspec's file systems has its own errors, with addresses or keys in their texts.
    return StageError(
        f"{name} cannot be read ({root_cause(error)}); check the address, "
        "your credentials for it, and the network"
    )


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk
