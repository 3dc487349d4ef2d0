"""What only the README has to hold; what it shares with the pages in docs/ is in test_pages.py."""

from __future__ import annotations

import json
import re
import tomllib

import pytest
import yaml

from stages.workspace.rebuild_report import locked_outputs, outputs_text
from stages.workspace.repro_summary import summary
from tests.conftest import ROOT
from tests.docs.pages import page

MOST_LINES = 200


@pytest.mark.parametrize("words", ["no medical device", "10.7937/tcia.2019.dc64i46r", "CC BY 3.0"])
def test_licence_and_limits_are_told(words: str) -> None:
    assert words in " ".join(page("README.md").split())


def test_it_is_short() -> None:
    assert len(page("README.md").splitlines()) <= MOST_LINES


def test_it_leads_to_the_contents_of_the_pages() -> None:
    assert "](docs/" in page("README.md")


def test_it_shows_what_make_repro_prints_at_its_end() -> None:
    results = json.loads((ROOT / "metrics/test.json").read_text(encoding="utf-8"))
    lines = [f"    {line}".rstrip() for line in summary(results).splitlines()]
    assert "\n".join(lines) in page("README.md")


def test_it_shows_what_make_verify_prints_where_nothing_differs() -> None:
    outputs = locked_outputs((ROOT / "dvc.lock").read_text(encoding="utf-8"))
    assert f"\n    {outputs_text(outputs, outputs)}\n" in page("README.md")


def test_its_picture_is_small() -> None:
    assert (ROOT / "docs/images/report.png").stat().st_size <= 200_000


def test_the_stages_stand_in_their_order() -> None:
    table = re.findall(r"^\| (\w+) \| ", page("README.md"), re.MULTILINE)
    stages = list(yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"])
    assert [name for name in table if name in stages] == stages


def test_software_and_data_can_be_cited() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert citation["version"] == project["version"]
    assert citation["references"][0]["doi"] in page("README.md")
