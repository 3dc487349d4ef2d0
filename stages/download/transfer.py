"""A file from an origin: resumed where it broke off, checked, and whole or not there."""

from __future__ import annotations

import contextlib
import functools
import hashlib
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
from stages.download.origin import PATIENCE, Edition, InterruptionError, Origin, Patience
from stages.download.partial_file import Partial, check_space, locked_partial

Verdict = TypeVar("Verdict")


@dataclass(frozen=True)
class Checksum:
    """What the bytes must hash to, and who says so.

    Attributes:
        algorithm: as hashlib calls it.
        digits: hexadecimal, in lower case.
        authority: as messages say it, for example `as download.sha256 says`.
    """

    algorithm: str
    digits: str
    authority: str


def sha256_in_params(digits: str | None) -> list[Checksum]:
    """Return what `download.sha256` asks for: nothing where it is null."""
    return [Checksum("sha256", digits.lower(), "as download.sha256 says")] if digits else []


def transfer(
    origin: Origin,
    destination: Path,
    *,
    state: Path,
    verify: Callable[[Path], Verdict],
    checksums: Sequence[Checksum] = (),
    patience: Patience = PATIENCE,
) -> Verdict:
    """Bring a file from its origin to `destination`.

    Bytes of an earlier run that broke off, was killed or ran out of disk are used again if the
    origin still has the same edition. What has a wrong checksum is fetched once more, and so is
    what `verify` finds faulty without a checksum to vouch for it. Faulty files are thrown away;
    after any other error, of `verify` too, the file is kept for the next run.

    Args:
        origin: where it comes from.
        destination: where it goes to; its folder exists.
        state: folder for the partial file.
        verify: called with the path of the whole file before it goes to `destination`.
        checksums: what the bytes must hash to, beside what the origin announces.
        patience: how long to wait, and how often to try again.

    Returns:
        What `verify` does.

    Raises:
        StageError: if it cannot be had, a checksum is wrong, the disk is full, or another run is
            fetching it; and what `verify` raises.
    """
    with locked_partial(state, origin.identity, name=origin.name) as partial:

        def attempt() -> Verdict:
            _complete(origin, partial, destination, patience)
            known = [*_announced(partial.edition), *checksums]
            verdict = _checked(partial, known, verify, name=origin.name)
            partial.move(destination)
            return verdict

        try:
            return attempt()
        except WrongBytesError as error:
            _tell(f"{error}. Fetching it once more")
        return attempt()


class WrongBytesError(StageError):
    """Other bytes have arrived than were sent, as far as can be told."""


def _checked(
    partial: Partial,
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
        if checksums:  # it was sent like this
            raise
        raise WrongBytesError(str(error)) from error


def wrong_checksum(path: Path, checksums: Sequence[Checksum]) -> str | None:
    """Say which checksum of a file is not the expected one; None if all are right."""
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


def _announced(edition: Edition) -> list[Checksum]:
    return [Checksum("md5", edition.md5, "as the server says")] if edition.md5 else []


def _complete(origin: Origin, partial: Partial, destination: Path, patience: Patience) -> None:
    """Ask until all bytes are there; each new byte renews the patience."""
    retries, furthest = patience.retries, partial.size
    while True:
        try:
            _receive(origin, partial, destination)
        except InterruptionError as error:
            if partial.size > furthest:
                retries, furthest = patience.retries, partial.size
            elif retries.total == 0:
                raise StageError(_given_up(origin, partial, error, patience)) from error
            else:
                retries = retries.increment()
            pause = _pause(retries, error.retry_after)
            _tell(f"{origin.name}: {error}. Trying again in {pause:.0f} s")
            time.sleep(pause)
        else:
            return


def _receive(origin: Origin, partial: Partial, destination: Path) -> None:
    """Ask once, and write what comes.

    Raises:
        InterruptionError: if that is not all.
    """
    with origin.read(partial.resumes_at, partial.edition) as body:
        if body.start == 0:
            partial.restart(body.edition)
        elif partial.edition.fits(body.edition):
            partial.note(partial.edition.completed(body.edition))
        else:
            partial.discard()
            raise InterruptionError("the file there changed between two requests")
        total = partial.edition.size
        if total is not None:
            check_space(partial.path, destination, size=total, name=origin.name)
        with progress(
            total=total or 0, initial=body.start, description="Transferring", unit="B"
        ) as bar:
            partial.write(body.chunks, start=body.start, advance=bar.update)
    if total is not None and partial.size != total:
        raise InterruptionError(f"{partial.size:,} bytes arrived, expected {total:,}")


def _pause(retries: Retry, retry_after: str | None) -> float:
    """Return the seconds that the server asks for, or else those of the next backoff."""
    # A wish in no known form, or for a time that no clock shows, is none.
    with contextlib.suppress(InvalidHeader, ValueError, OverflowError):
        if retry_after is not None:
            return retries.parse_retry_after(retry_after)
    return retries.get_backoff_time()


def _given_up(
    origin: Origin, partial: Partial, error: InterruptionError, patience: Patience
) -> str:
    tries = (patience.retries.total or 0) + 1
    kept = ""
    if partial.resumes_at:
        kept = f"; {partial.size:,} bytes are kept, and the next run goes on from there"
    return f"{origin.name}: {error}; given up after {tries} tries without a new byte{kept}"


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
