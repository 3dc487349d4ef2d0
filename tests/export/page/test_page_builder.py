"""The page as text: its bytes, its policy, what stands in it."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from typing import Any

import pytest

from stages.export.page.browser_runtime import BrowserRuntime
from stages.export.page.page_builder import render_not_built, render_page

from .small_classifier import METADATA, small_classifier

RUNTIME = BrowserRuntime("1.2.3", "const ort={};\n", b"\0asm program")


def page(**metadata: Any) -> str:
    return render_page(small_classifier(**metadata), RUNTIME)


def element(text: str, opening: str) -> str:
    found = re.search(re.escape(opening) + r"(.*?)</(?:script|style)>", text, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_same_model_gives_the_same_bytes() -> None:
    assert page() == page()


def test_model_and_program_are_inside_as_they_are() -> None:
    text = page()

    for opening, content in {
        '<script type="text/plain" id="model">': small_classifier(),
        '<script type="text/plain" id="wasm">': RUNTIME.program,
    }.items():
        packed = base64.b64decode(element(text, opening), validate=True)
        assert gzip.decompress(packed) == content
        assert packed[4:8] == bytes(4)  # no date


def test_the_policy_allows_this_script_and_this_style_alone() -> None:
    text = page()
    found = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert found is not None
    policy = dict(
        part.split(" ", 1) for part in found[1].replace("&#39;", "'").split("; ") if " " in part
    )

    for kind, opening in {
        "script-src": '<script type="module">',
        "style-src": "<style>",
    }.items():
        digest = hashlib.sha256(element(text, opening).encode()).digest()
        assert policy[kind].split()[0] == f"'sha256-{base64.b64encode(digest).decode()}'"
    assert policy["default-src"] == policy["connect-src"] == "'none'"
    assert "unsafe-inline" not in found[1]
    assert policy["script-src"].endswith(" 'wasm-unsafe-eval'")
    assert text.index("Content-Security-Policy") < text.index("<style>")


def test_it_names_no_address() -> None:
    text = re.sub(r'<script type="text/plain".*?</script>', "", page(), flags=re.DOTALL)

    assert "://" not in text


def test_text_of_the_metadata_is_no_markup() -> None:
    hostile = "</script><script>alert(1)</script>"
    text = page(
        notes=[{"name": hostile, "text": hostile}],
        data={"name": hostile, "synthetic": False, "licence": hostile},
    )

    assert hostile not in text
    inside = element(text, '<script type="application/json" id="metadata">')
    assert json.loads(inside)["notes"] == [{"name": hostile, "text": hostile}]


@pytest.mark.parametrize("synthetic", [True, False])
def test_synthetic_data_is_named_where_and_only_where_it_is(synthetic: bool) -> None:
    text = page(data={**METADATA["data"], "name": "these", "synthetic": synthetic})

    assert ("SYNTHETIC" in text) is synthetic


def test_the_card_has_the_figures_of_the_test_and_of_each_external_set() -> None:
    external = {"other_laboratory": {"cells": 90, "subjects": None, "accuracy": 0.71}}
    text = page(figures={**METADATA["figures"], "external": external})

    assert "Test split: 210 synthetic cells of 40 subjects" in text
    assert "95 %: 93.0 to 98.0 %" in text.replace("\N{NO-BREAK SPACE}", " ")
    assert "0.992" in text
    assert "External set other_laboratory: 90 synthetic cells" in text


def test_a_page_that_was_not_built_says_why_and_how_to_build_it() -> None:
    text = render_not_built("there is no npm")

    assert "There is no npm." in text
    assert "python -m stages.export.page.install_runtime" in text
    assert "://" not in text
