"""Fetch the archive from its source: drawn here, Kaggle, a path, or a URL."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from stages.common.errors import StageError
from stages.common.progress import progress
from stages.download.fsspec_origin import FsspecOrigin
from stages.download.http_errors import public_url
from stages.download.http_origin import http_origin
from stages.download.kaggle import kaggle_origin
from stages.download.origin import CHUNK, DEFAULT_RETRIES, Origin, RetryPolicy
from stages.download.pack_folder import pack_folder
from stages.download.params import DownloadParams
from stages.download.partial_file import check_space, disk_full_as_stage_error, state_folder
from stages.download.source_address import expand_variables
from stages.download.synthetic import write_synthetic_archive
from stages.download.transfer import Verdict, sha256_in_params, transfer, wrong_checksum


def source_kind(source: str) -> str:
    """Return the kind of `download.source`: synthetic, kaggle, url, folder or path (of a file)."""
    if source in ("synthetic", "kaggle"):
        return source
    if "://" in expand_variables(source):
        return "url"
    return "folder" if _local(source).is_dir() else "path"


def source_name(params: DownloadParams) -> str:
    """Return the source's name for messages: no credentials, variables not filled in."""
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
    verify: Callable[[Path], Verdict],
    retry_policy: RetryPolicy = DEFAULT_RETRIES,
) -> Verdict:
    """Write the archive to `destination`, and return the result of `verify`.

    Raises:
        StageError: if the source is missing or cannot be read, or the archive's SHA-256 is not
            `download.sha256`; also the errors of `verify` and `transfer`.
    """
    checksums = sha256_in_params(params.sha256)
    match source_kind(params.source):
        case "synthetic":
            write_synthetic_archive(
                destination, cells=params.synthetic_cells, seed=params.synthetic_seed
            )
        case "folder":
            pack_folder(_local(params.source), destination)
        case "path":
            _copy_file(_local(params.source), destination)
        case _:
            return transfer(
                remote_origin(params, retry_policy=retry_policy),
                destination,
                state=state_folder(),
                verify=verify,
                checksums=checksums,
                retry_policy=retry_policy,
            )
    problem = wrong_checksum(destination, checksums)
    if problem:
        raise StageError(
            f"{source_name(params)}: {problem}; correct download.sha256, or give the right source"
        )
    return verify(destination)


def remote_origin(params: DownloadParams, *, retry_policy: RetryPolicy = DEFAULT_RETRIES) -> Origin:
    """Return the origin for a source of kind kaggle or url."""
    if source_kind(params.source) == "kaggle":
        return kaggle_origin(params.kaggle_dataset, retry_policy=retry_policy)
    url, name = expand_variables(params.source), source_name(params)
    if url.lower().startswith(("http://", "https://")):
        return http_origin(url, name=name, retry_policy=retry_policy)
    return FsspecOrigin(url, name)


def _local(source: str) -> Path:
    try:
        return Path(expand_variables(source)).expanduser()
    except RuntimeError as error:
        raise StageError(f"{source}: there is no such home folder; check the path") from error


def _copy_file(source: Path, destination: Path) -> None:
    if not source.is_file():
        raise StageError(f"{source} is not a file{_why_missing(source)}")
    size = source.stat().st_size
    check_space(destination, destination, size=size, name=str(source))
    with (
        source.open("rb") as file,
        destination.open("wb") as copy,
        disk_full_as_stage_error(destination),
        progress(total=size, description="Copying", unit="B") as bar,
    ):
        for chunk in _chunks(file):
            bar.update(copy.write(chunk))


def _why_missing(source: Path) -> str:
    """Return the rest of a sentence: what hides the file, or what a source may be."""
    cut_off = sorted(source.parent.glob(f"{glob.escape(source.name)} #*"))
    if cut_off:
        return (
            f", but {cut_off[0]} is there: in params.yaml a # after a space begins a comment, so "
            "put the path into single quotes"
        )
    here = "" if source.is_absolute() else f" in {Path.cwd()}"
    if here and ".dvc/tmp/exps" in here:
        return (
            f"{here}, where `dvc exp run --temp` and --queue run, in a copy of what git knows; "
            "give the path from / on"
        )
    if "data/raw" in source.as_posix():
        here += " (DVC empties data/raw before this stage: keep it elsewhere)"
    return (
        f"{here}; download.source may be synthetic, kaggle, or a path or URL of a zip archive in "
        "the layout of Kaggle's andrewmvd/leukemia-classification"
    )


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk
