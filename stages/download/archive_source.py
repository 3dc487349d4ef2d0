"""Where the archive comes from: drawn here, Kaggle, a path, or a URL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from stages.common.errors import StageError
from stages.common.progress import progress
from stages.download.address import filled_in
from stages.download.folder import pack_folder
from stages.download.kaggle import kaggle_origin
from stages.download.origin import CHUNK, PATIENCE, Origin, Patience
from stages.download.params import DownloadParams
from stages.download.partial_file import check_space, disk_full_told, state_folder
from stages.download.storage import StorageOrigin
from stages.download.synthetic import write_synthetic_archive
from stages.download.transfer import Verdict, sha256_in_params, transfer, wrong_checksum
from stages.download.web import web_origin
from stages.download.web_errors import public_url


def source_kind(source: str) -> str:
    """Return what `download.source` means: synthetic, kaggle, url, folder or path (of a file)."""
    if source in ("synthetic", "kaggle"):
        return source
    if "://" in filled_in(source):
        return "url"
    return "folder" if _local(source).is_dir() else "path"


def source_name(params: DownloadParams) -> str:
    """Return how messages call the source: without credentials, its variables not filled in."""
    match params.source:
        case "synthetic":
            return "the synthetic archive"
        case "kaggle":
            return f"Kaggle dataset {params.kaggle_dataset}"
    return public_url(params.source) if "://" in params.source else params.source


def fetch_archive(
    params: DownloadParams,
    destination: Path,
    *,
    seed: int,
    verify: Callable[[Path], Verdict],
    patience: Patience = PATIENCE,
) -> Verdict:
    """Write the archive to `destination`, and return what `verify` says of it.

    Raises:
        StageError: if the source is missing or cannot be read, `download.sha256` is not that of
            its bytes, or one of those of `verify` and `transfer`.
    """
    checksums = sha256_in_params(params.sha256)
    match source_kind(params.source):
        case "synthetic":
            write_synthetic_archive(destination, cells=params.synthetic_cells, seed=seed)
        case "folder":
            pack_folder(_local(params.source), destination)
        case "path":
            _copy_file(_local(params.source), destination)
        case _:
            return transfer(
                remote_origin(params, patience=patience),
                destination,
                state=state_folder(),
                verify=verify,
                checksums=checksums,
                patience=patience,
            )
    problem = wrong_checksum(destination, checksums)
    if problem:
        raise StageError(
            f"{source_name(params)}: {problem}; correct download.sha256, or give the right source"
        )
    return verify(destination)


def remote_origin(params: DownloadParams, *, patience: Patience = PATIENCE) -> Origin:
    """Return the place that a source of kind kaggle or url means."""
    if source_kind(params.source) == "kaggle":
        return kaggle_origin(params.kaggle_dataset, patience=patience)
    url, name = filled_in(params.source), source_name(params)
    if url.lower().startswith(("http://", "https://")):
        return web_origin(url, name=name, patience=patience)
    return StorageOrigin(url, name)


def _local(source: str) -> Path:
    try:
        return Path(filled_in(source)).expanduser()
    except RuntimeError as error:
        raise StageError(f"{source}: there is no such home folder; check the path") from error


def _copy_file(source: Path, destination: Path) -> None:
    if not source.is_file():
        emptied = "data/raw" in source.as_posix()
        hint = " (DVC empties data/raw before this stage: keep it elsewhere)" if emptied else ""
        raise StageError(
            f"{source} is not a file{hint}; download.source may be synthetic, kaggle, or a path or "
            "URL of a zip archive in the layout of Kaggle's andrewmvd/leukemia-classification"
        )
    size = source.stat().st_size
    check_space(destination, destination, size=size, name=str(source))
    with (
        source.open("rb") as file,
        destination.open("wb") as copy,
        disk_full_told(destination),
        progress(total=size, description="Copying", unit="B") as bar,
    ):
        for chunk in _chunks(file):
            bar.update(copy.write(chunk))


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk
