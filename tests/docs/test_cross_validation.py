"""docs/cross-validation.md against what is committed."""

from __future__ import annotations

import json

from stages.cross_validation.summary import RESULTS, SINGLE_SPLIT, summary
from tests.conftest import ROOT
from tests.docs.pages import page


def test_it_shows_the_figures_that_make_cross_validate_prints() -> None:
    results, single = (
        json.loads((ROOT / path).read_text(encoding="utf-8")) for path in (RESULTS, SINGLE_SPLIT)
    )
    printed, _, _ = summary(results, single).partition("\nModels")
    block = "\n".join(f"    {line}".rstrip() for line in printed.rstrip().splitlines())
    assert block in page("cross-validation.md")


def test_the_readme_quotes_the_mean_over_the_seeds() -> None:
    mean = json.loads((ROOT / RESULTS).read_text(encoding="utf-8"))["out_of_fold"]
    deviation = mean["standard_deviation"]["accuracy"]
    assert f"{mean['accuracy']:.3f} ± {deviation:.3f} over all {mean['cells']:,}" in page(
        "README.md"
    )
