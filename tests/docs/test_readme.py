"""What only the README has to hold; what it shares with the pages in docs/ is in test_pages.py."""

from __future__ import annotations

import pytest

from tests.docs.pages import page

MOST_LINES = 200


@pytest.mark.parametrize("words", ["no medical device", "10.7937/tcia.2019.dc64i46r", "CC BY 3.0"])
def test_licence_and_limits_are_told(words: str) -> None:
    assert words in " ".join(page("README.md").split())


def test_it_is_short() -> None:
    assert len(page("README.md").splitlines()) <= MOST_LINES


def test_it_leads_to_the_contents_of_the_pages() -> None:
    assert "](docs/" in page("README.md")
