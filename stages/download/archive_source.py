"""Fetch the archive from its source: drawn here, Kaggle, a path, or a URL."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from stages.common.errors import StageError
from stages.download.fsspec_origin import FsspecOrigin
from stages.download.http_errors import public_url
from stages.download.http_origin import http_origin
from stages.download.kaggle import kaggle_origin
from stages.download.local_file import copy_file, local_path
from stages.download.origin import DEFAULT_RETRIES, Origin, RetryPolicy
from stages.download.pack_folder import pack_folder
from stages.download.params import DownloadParams
from stages.download.partial_file import state_folder
from stages.download.set_layout import KAGGLE, layout_of
from stages.download.source_address import expand_variables
from stages.download.source_files import folder_files
from stages.download.synthetic import write_synthetic_archive
from stages.download.transfer import Verdict, sha256_in_params, transfer, wrong_checksum

_EXPECTED = (
    "download.source may be synthetic, kaggle, a folder, or a path or URL of a zip; "
    "docs/own-data.md shows what they may hold"
)


def source_kind(source: str) -> str:
    """Return the kind of `download.source`: synthetic, kaggle, url, folder or path (of a file)."""
    if source in ("synthetic", "kaggle"):
        return source
    if "://" in expand_variables(source):
        return "url"
    return "folder" if local_path(source).is_dir() else "path"


def source_name(params: DownloadParams) -> str:
    """Return the source's name for messages: no credentials, variables not filled in."""
    match params.source:
        case "synthetic":
            return "the synthetic archive"
        case "kaggle":
            return f"Kaggle dataset {params.kaggle_dataset}"
    return public_name(params.source)


def public_name(source: str) -> str:
    """Return a path or an address for messages: no credentials, variables not filled in."""
    return public_url(source) if "://" in source else source


def fetch_archive(
    params: DownloadParams,
    destination: Path,
    *,
    verify: Callable[[Path], Verdict],
    retry_policy: RetryPolicy = DEFAULT_RETRIES,
) -> Verdict:
    """Write the archive to `destination`, and return the result of `verify`.

    Only a folder in Kaggle's layout is packed here. `verify` gets any other folder itself, and
    nothing is written to `destination`.

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
        case "folder" if layout_of(folder_files(local_path(params.source)).names) != KAGGLE:
            return verify(local_path(params.source))
        case "folder":
            pack_folder(local_path(params.source), destination)
        case "path":
            copy_file(local_path(params.source), destination, expected=_EXPECTED)
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
    return address_origin(
        expand_variables(params.source), name=source_name(params), retry_policy=retry_policy
    )


def address_origin(url: str, *, name: str, retry_policy: RetryPolicy = DEFAULT_RETRIES) -> Origin:
    """Return the origin for an address whose variables are filled in."""
    if url.lower().startswith(("http://", "https://")):
        return http_origin(url, name=name, retry_policy=retry_policy)
    return FsspecOrigin(url, name)
