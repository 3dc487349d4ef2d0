"""`make docs` builds the pages as a site that loads nothing from elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.docs.pages import DOCS

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "docs", folder]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_every_page_is_in_it(site: Path) -> None:
    for page in DOCS.glob("*.md"):
        assert (site / f"{page.stem}.html").is_file()


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    for file in site.glob("*.html"):
        text = file.read_text(encoding="utf-8")
        loaded = re.findall(r"<(?:script|img|iframe)[^>]*\ssrc=\"([^\"]+)\"", text)
        loaded += [
            link
            for tag in re.findall(r"<link[^>]*>", text)
            if "stylesheet" in tag or "preconnect" in tag
            for link in re.findall(r"href=\"([^\"]+)\"", tag)
        ]
        assert loaded
        assert not [path for path in loaded if re.match(r"(?:https?:)?//", path)], file.name
    for style in site.rglob("*.css"):
        assert not re.search(r"(?:url\([\"']?|@import\s+[\"']?)(?:https?:)?//", style.read_text())
