from __future__ import annotations

import pytest

from stages.download.origin import DEFAULT_RETRIES, FileVersion

FULL = FileVersion(size=5, validator='"a"', md5="0f")


@pytest.mark.parametrize(
    ("other", "fits"),
    [
        (FULL, True),
        (FileVersion(), True),
        (FileVersion(size=5), True),
        (FileVersion(size=6, validator='"a"', md5="0f"), False),
        (FileVersion(validator='"b"'), False),
        (FileVersion(md5="1f"), False),
        (FileVersion(size=0), False),
    ],
)
def test_editions_fit_where_they_do_not_contradict_each_other(
    other: FileVersion, *, fits: bool
) -> None:
    assert FULL.fits(other) is fits
    assert other.fits(FULL) is fits


def test_an_edition_learns_what_it_did_not_know() -> None:
    assert FileVersion(validator='"a"').completed(FULL) == FULL
    assert FULL.completed(FileVersion()) == FULL
    assert FileVersion(size=0).completed(FileVersion(md5="0f")) == FileVersion(size=0, md5="0f")


def test_patience_is_long_but_ends() -> None:
    assert DEFAULT_RETRIES.timeout == (10, 60)
    retries, waited = DEFAULT_RETRIES.retries, 0.0
    while retries.total:
        retries = retries.increment()
        waited += retries.get_backoff_time()
    assert 120 < waited < 300
    assert retries.parse_retry_after("86400") == 300
