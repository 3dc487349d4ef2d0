"""The report in a real browser: a headless Chromium of the system, driven by Playwright."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .pages import PREDICTIONS, page, part, results

playwright = pytest.importorskip(
    "playwright.sync_api", reason="Playwright is not installed: `make test` brings it"
)

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DESK, PHONE = 1280, 390
SCHEMES = ("light", "dark")

# WCAG 2: of each text the ratio of luminances with what lies behind it.
CONTRASTS = """() => {
  const probe = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgba = colour => {
    probe.clearRect(0, 0, 1, 1); probe.fillStyle = colour; probe.fillRect(0, 0, 1, 1);
    return [...probe.getImageData(0, 0, 1, 1).data];
  };
  const luminance = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = node => {
    for (; node; node = node.parentElement) {
      const colour = rgba(getComputedStyle(node).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255, 255];
  };
  const ratio = (a, b) => {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  const texts = [...document.body.querySelectorAll(":not(svg *)")]
    .filter(node => [...node.childNodes].some(c => c.nodeType === 3 && c.textContent.trim()))
    .map(node => [node.tagName + ": " + node.textContent.trim().slice(0, 40),
                  ratio(rgba(getComputedStyle(node).color), behind(node))]);
  const drawn = [...document.querySelectorAll("svg g[id*=text_] > g")]
    .map(node => ["drawn text in " + node.closest("svg").getAttribute("aria-label").slice(0, 40),
                  ratio(rgba(getComputedStyle(node).fill), behind(node))]);
  return {texts, drawn};
}"""


CUT = """all => all.filter(one => one.scrollWidth > one.clientWidth + 1)
  .map(one => one.innerText.slice(0, 60))"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is on the PATH")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=path)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All that a report can hold: synthetic, leaking, with external cells and reasons."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    content = results(data="synthetic", warnings=["It leaks."], external=part())
    path.write_text(page(content, split={"leakage": {"subjects": 3}, "test": {"cells": 4}}))
    return path


def opened(browser: Any, path: Path, *, width: int = DESK, scheme: str = "light") -> Any:
    """Open the page from disk, without a network."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True
    )
    tab = context.new_page()
    tab.goto(path.as_uri())
    return tab


def what_happens(browser: Any, path: Path) -> tuple[list[str], list[str]]:
    """Return the addresses asked for and the complaints, scripts of names among them."""
    addresses: list[str] = []
    complaints: list[str] = []
    tab = browser.new_context(offline=True).new_page()
    tab.on("request", lambda request: addresses.append(request.url))
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
    tab.goto(path.as_uri())
    tab.wait_for_load_state("networkidle")
    tab.context.close()
    return [address for address in addresses if not address.startswith("data:")], complaints


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
