"""Transfer a file from an origin: resume, check, and deliver it complete or not at all."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from urllib3 import Retry
from urllib3.exceptions import InvalidHeader

from stages.common.errors import StageError
from stages.common.progress import progress
from stages.dataset.archive import FaultyArchiveError
from stages.download.kept_file import KeptFile, keep_file, kept_file
from stages.download.origin import (
    DEFAULT_RETRIES,
    FileVersion,
    InterruptionError,
    Origin,
    RetryPolicy,
)
from stages.download.partial_file import (
    PartialFile,
    check_space,
    disk_full_as_stage_error,
    locked_partial,
)

OFFLINE_RETRIES = 2
"""Retries where no server is found: a machine without a network has none in minutes, either."""

Verdict = TypeVar("Verdict")


@dataclass(frozen=True)
class Checksum:
    """An expected checksum and its source.

    Attributes:
        algorithm: name of the algorithm in hashlib.
        digits: hexadecimal digits, in lower case.
        authority: the source in messages, for example `as download.sha256 says`.
    """

    algorithm: str
    digits: str
    authority: str


def sha256_in_params(digits: str | None) -> list[Checksum]:
    """Return the checksums from `download.sha256`: none if it is null."""
    return [Checksum("sha256", digits.lower(), "as download.sha256 says")] if digits else []


def transfer(
    origin: Origin,
    destination: Path,
    *,
    state: Path,
    verify: Callable[[Path], Verdict],
    checksums: Sequence[Checksum] = (),
    retry_policy: RetryPolicy = DEFAULT_RETRIES,
) -> Verdict:
    """Transfer a file from its origin to `destination`.

    If an earlier run was interrupted, was killed or ran out of disk space, this run resumes it,
    provided that the origin still has the same version. A file with a wrong checksum is fetched
    once more; so is a file that `verify` finds faulty, if no checksum confirms its bytes. Faulty
    files are deleted. After any other error, also one of `verify`, the next run reuses the file.

    A verified file is kept. Where its bytes are those that `checksums` ask for, where the origin
    still has its version, or cannot be reached, it is taken, and nothing is transferred.

    Args:
        origin: origin of the file.
        destination: path of the transferred file; its folder exists.
        state: folder for the partial file.
        verify: called with the path of the complete file before it moves to `destination`.
        checksums: expected checksums, in addition to the one that the origin announces.
        retry_policy: timeouts and retries.

    Returns:
        The result of `verify`.

    Raises:
        StageError: if the file cannot be fetched, a checksum is wrong, the disk is full, or
            another run is fetching the file; also the errors of `verify`.
    """
    with locked_partial(state, origin.identity, name=origin.name) as partial:
        if kept := _kept(origin, state, checksums):
            with contextlib.suppress(FaultyArchiveError):
                return _take(kept, destination, verify)

        def attempt() -> Verdict:
            _complete(origin, partial, destination, retry_policy)
            known = [*_announced(partial.version), *checksums]
            verdict = _checked(partial, known, verify, name=origin.name)
            keep_file(partial.path, state, identity=origin.identity, version=partial.version)
            partial.move(destination)
            return verdict

        try:
            return attempt()
        except WrongBytesError as error:
            _tell(f"{error}. Fetching it once more")
        return attempt()


def _kept(origin: Origin, state: Path, checksums: Sequence[Checksum]) -> KeptFile | None:
    """Return the kept file, if it is the one to take."""
    sha256 = [checksum.digits for checksum in checksums if checksum.algorithm == "sha256"]
    kept = kept_file(state, identity=origin.identity, sha256=sha256)
    if not kept or wrong_checksum(kept.path, checksums):
        return None
    try:
        return kept if checksums or _is_current(origin, kept) else None
    except (InterruptionError, StageError) as error:
        _tell(f"{error}. Taken instead: what came from there before (SHA-256 {kept.path.name})")
        return kept


def _is_current(origin: Origin, kept: KeptFile) -> bool:
    """Ask the origin for the last byte of this version."""
    start = kept.path.stat().st_size - 1 if kept.version.validator else 0
    with origin.read(max(start, 0), kept.version) as body:
        return body.start > 0 and kept.version.fits(body.version)


def _take(kept: KeptFile, destination: Path, verify: Callable[[Path], Verdict]) -> Verdict:
    verdict = verify(kept.path)
    with disk_full_as_stage_error(destination):
        shutil.copyfile(kept.path, destination)
    return verdict


class WrongBytesError(StageError):
    """The bytes received are probably not the bytes sent."""


def _checked(
    partial: PartialFile,
    checksums: Sequence[Checksum],
    verify: Callable[[Path], Verdict],
    *,
    name: str,
) -> Verdict:
    problem = wrong_checksum(partial.path, checksums)
    if problem:
        partial.discard()
        raise WrongBytesError(f"{name}: {problem}; nothing of it is kept")
    try:
        return verify(partial.path)
    except FaultyArchiveError as error:
        partial.discard()
        if checksums:  # the bytes are correct, so it was sent like this
            raise
        raise WrongBytesError(str(error)) from error


def wrong_checksum(path: Path, checksums: Sequence[Checksum]) -> str | None:
    """Describe the first wrong checksum of a file; return None if all are right."""
    for checksum in checksums:
        new_hash = functools.partial(hashlib.new, checksum.algorithm, usedforsecurity=False)
        with path.open("rb") as file:
            digits = hashlib.file_digest(file, new_hash).hexdigest()
        if digits != checksum.digits:
            return (
                f"{checksum.algorithm.upper()} is {digits}, expected "
                f"{checksum.digits} {checksum.authority}"
            )
    return None


def _announced(version: FileVersion) -> list[Checksum]:
    return [Checksum("md5", version.md5, "as the server says")] if version.md5 else []


def _complete(
    origin: Origin, partial: PartialFile, destination: Path, retry_policy: RetryPolicy
) -> None:
    """Retry until all bytes are received; any new byte resets the number of retries.

    If no server is found, and nothing has arrived in this run, OFFLINE_RETRIES are enough.
    """
    retries, furthest, arrived = retry_policy.retries, partial.size, False
    while True:
        try:
            _receive(origin, partial, destination)
        except InterruptionError as error:
            if partial.size > furthest:
                retries, furthest, arrived = retry_policy.retries, partial.size, True
            elif retries.total == 0 or (
                error.offline and not arrived and _used(retries, retry_policy) >= OFFLINE_RETRIES
            ):
                tries = _used(retries, retry_policy) + 1
                raise StageError(_given_up(origin, partial, error, tries)) from error
            else:
                retries = retries.increment()
            pause = _pause(retries, error.retry_after)
            _tell(f"{origin.name}: {error}. Trying again in {pause:.0f} s")
            time.sleep(pause)
        else:
            return


def _receive(origin: Origin, partial: PartialFile, destination: Path) -> None:
    """Send one request, and write the bytes received.

    Raises:
        InterruptionError: if the file is not complete then.
    """
    with origin.read(partial.resumes_at, partial.version) as body:
        if body.start == 0:
            partial.restart(body.version)
        elif partial.version.fits(body.version):
            partial.note(partial.version.completed(body.version))
        else:
            partial.discard()
            raise InterruptionError("the file there changed between two requests")
        total = partial.version.size
        if total is not None:
            check_space(partial.path, destination, size=total, name=origin.name)
        with progress(
            total=total or 0, initial=body.start, description="Transferring", unit="B"
        ) as bar:
            partial.write(body.chunks, start=body.start, advance=bar.update)
    if total is not None and partial.size != total:
        raise InterruptionError(f"{partial.size:,} bytes arrived, expected {total:,}")


def _pause(retries: Retry, retry_after: str | None) -> float:
    """Return the pause in seconds: the server's Retry-After, or else the next backoff."""
    # A Retry-After of unknown form, or with an impossible time, is ignored.
    with contextlib.suppress(InvalidHeader, ValueError, OverflowError):
        if retry_after is not None:
            return retries.parse_retry_after(retry_after)
    return retries.get_backoff_time()


def _used(retries: Retry, retry_policy: RetryPolicy) -> int:
    return (retry_policy.retries.total or 0) - (retries.total or 0)


def _given_up(origin: Origin, partial: PartialFile, error: InterruptionError, tries: int) -> str:
    kept = ""
    if partial.resumes_at:
        kept = f"; {partial.size:,} bytes are kept, and the next run goes on from there"
    return f"{origin.name}: {error}; given up after {tries} tries without a new byte{kept}"


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
