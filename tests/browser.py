"""A real browser to open pages in: a headless Chromium of the system, driven by Playwright."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

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


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    """Start the browser; the test skips where there is none."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is on the PATH")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=path)
        yield started
        started.close()


def opened(
    browser: Any,
    path: Path,
    *,
    width: int = DESK,
    scheme: str = "light",
    watch: Callable[[Any], object] = id,
) -> Any:
    """Open the page from disk, without a network, in a tab that is watched from its beginning."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True
    )
    tab = context.new_page()
    watch(tab)
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
