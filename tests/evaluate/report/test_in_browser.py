"""The report in a real browser: a headless Chromium of the system, driven by Playwright."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser import CONTRASTS, CUT, DESK, PHONE, SCHEMES, chromium, opened, what_happens

from .pages import PREDICTIONS, page, part, results


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All that a report can hold: synthetic, leaking, with external cells and reasons."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    content = results(data="synthetic", warnings=["It leaks."], external=part())
    path.write_text(page(content, split={"leakage": {"subjects": 3}, "test": {"cells": 4}}))
    return path


def test_it_opens_from_disk_without_a_request_or_a_complaint(browser: Any, report: Path) -> None:
    assert what_happens(browser, report) == ([report.as_uri()], [])


def test_names_from_the_data_run_no_script(browser: Any, tmp_path: Path) -> None:
    hostile = "\"'><img src=x onerror=alert(1)><script>alert(2)</script>"
    path = tmp_path / "report.html"
    cells = PREDICTIONS.assign(image=[f"{hostile}{number}" for number in range(4)])
    path.write_text(page(results(warnings=[hostile]), predictions=cells, revision=hostile))

    assert what_happens(browser, path) == ([path.as_uri()], [])


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_every_figure_is_there(browser: Any, report: Path, width: int) -> None:
    tab = opened(browser, report, width=width)

    drawn = tab.eval_on_selector_all(
        "svg", "all => all.map(one => [one.getBoundingClientRect().width, one.getBBox().width])"
    )
    shown = tab.eval_on_selector_all(
        "img", "all => all.map(one => one.complete && one.naturalWidth * one.width)"
    )
    tab.context.close()

    assert len(drawn) == 7
    assert all(min(sizes) > 200 for sizes in drawn)
    assert len(shown) == 10
    assert all(shown)


@pytest.mark.parametrize("width", [DESK, PHONE])
@pytest.mark.parametrize("media", ["screen", "print"])
def test_nothing_is_wider_than_the_page(browser: Any, report: Path, width: int, media: str) -> None:
    tab = opened(browser, report, width=width)
    tab.emulate_media(media=media)

    total = tab.evaluate("document.documentElement.scrollWidth")
    beyond = tab.eval_on_selector_all(
        "body *:not(svg *)",
        """(all, width) => all.filter(one => !one.closest(".wide > table"))
           .filter(one => one.getBoundingClientRect().right > width + 1)
           .map(one => one.outerHTML.slice(0, 80))""",
        width,
    )
    tab.context.close()

    assert total <= width
    assert beyond == []


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_metrics_are_read_without_scrolling_aside(browser: Any, report: Path, width: int) -> None:
    tab = opened(browser, report, width=width)
    cut = tab.eval_on_selector_all("#metrics .wide, #set-external .broad .wide", CUT)
    count = tab.locator("#metrics .wide, #set-external .broad .wide").count()
    tab.context.close()

    assert count == 4
    assert cut == []


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_text_can_be_read(browser: Any, report: Path, scheme: str) -> None:
    tab = opened(browser, report, scheme=scheme)
    tab.eval_on_selector_all("details", "all => all.forEach(one => one.open = true)")
    contrasts = tab.evaluate(CONTRASTS)
    tab.context.close()

    assert len(contrasts["texts"]) > 200
    assert len(contrasts["drawn"]) > 60
    faint = [entry for kind in contrasts.values() for entry in kind if entry[1] < 4.5]
    assert faint == []


def test_the_page_is_dark_where_that_is_asked_for_and_white_on_paper(
    browser: Any, report: Path
) -> None:
    tab = opened(browser, report, scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"

    assert tab.evaluate(ground) == "rgb(20, 24, 31)"
    tab.emulate_media(media="print", color_scheme="dark")
    assert tab.evaluate(ground) == "rgb(255, 255, 255)"
    tab.context.close()


def test_on_paper_nothing_is_folded_away_and_no_table_is_cut(browser: Any, report: Path) -> None:
    tab = opened(browser, report, width=718)  # pixels of A4 between Chromium's margins
    tab.emulate_media(media="print")

    folded = tab.eval_on_selector_all(
        "details table",
        "all => all.filter(one => !one.checkVisibility({contentVisibilityAuto: "
        "true}) || one.getBoundingClientRect().height < 20).length",
    )
    cut = tab.eval_on_selector_all(".wide", CUT)
    document = tab.pdf(format="A4")
    tab.context.close()

    assert folded == 0
    assert cut == []
    assert document.startswith(b"%PDF")
