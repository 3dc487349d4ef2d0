"""The recipes of CONTRIBUTING.md name files, and what is in them."""

from __future__ import annotations

import re

import pytest

from stages.compare.compared_metrics import COMPARED
from stages.statistics.metrics import CALL_METRICS
from tests.conftest import ROOT
from tests.docs.pages import section

RECIPES = ("Add a parameter", "Add a metric", "Add a stage")


def steps(recipe: str) -> list[str]:
    """The numbered steps of a recipe, each in one line."""
    lines = " ".join(section("CONTRIBUTING.md", recipe).split())
    return re.split(r" \d\. ", lines)[1:]


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_has_steps_and_names_its_tests(recipe: str) -> None:
    assert len(steps(recipe)) >= 5
    assert any("tests/" in step or "Tests" in step for step in steps(recipe))


@pytest.mark.parametrize("recipe", RECIPES)
def test_what_a_step_names_is_in_the_file_that_it_names(recipe: str) -> None:
    found = 0
    for step in steps(recipe):
        files = re.findall(r"`((?:stages|tests)/\S+\.py)`", step)
        text = "".join((ROOT / file).read_text(encoding="utf-8") for file in files)
        for name in re.findall(r"`([A-Z][A-Z_]+|[A-Z]\w+Params|\w+_\w+)(?:\(\w+\))?`", step):
            if files and name not in ("ExportParams", "__init__", "__main__"):
                assert name in text, f"{name} is not in {files}"
                found += 1
    assert found


def test_a_metric_of_the_report_is_compared_without_more() -> None:
    assert set(CALL_METRICS) <= set(COMPARED)
