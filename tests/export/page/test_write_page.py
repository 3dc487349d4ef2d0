"""The page as the stage writes it, with and without ONNX Runtime Web."""

from __future__ import annotations

from pathlib import Path

import pytest

from stages.export.page import write_page as module
from stages.export.page.write_page import write_page

from .driven_page import installed_runtime
from .small_classifier import small_classifier


def test_where_the_runtime_is_installed_the_page_is_built(tmp_path: Path) -> None:
    installed_runtime()
    told = write_page(small_classifier(), tmp_path / "page.html", cells=[], thresholds=[])

    assert told == f"{tmp_path / 'page.html'}: 5 MB, the model in a browser"
    assert "Choose images" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_where_it_is_not_page_and_stage_say_so_and_how_to_mend_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "runtime_folder", lambda: tmp_path / "nothing")
    told = write_page(small_classifier(), tmp_path / "page.html", cells=[], thresholds=[])

    assert told.startswith(f"{tmp_path / 'page.html'} was not built: onnxruntime-web ")
    assert "run `python -m stages.export.page.install_runtime`" in told
    assert told.endswith("and then `make export`")
    assert "\n" not in told
    assert "The page was not built" in (tmp_path / "page.html").read_text(encoding="utf-8")
