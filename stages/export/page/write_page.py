"""Write models/classifier.html, or a page that says why it was not built."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from stages.common.files import write_text
from stages.export.page.browser_runtime import (
    INSTALL,
    RuntimeMissingError,
    read_runtime,
    runtime_folder,
)
from stages.export.page.page_builder import render_not_built, render_page
from stages.export.page.page_model import AnsweredCell, page_model


def write_page(
    model: bytes, page_html: Path, *, cells: Iterable[AnsweredCell], thresholds: Sequence[float]
) -> str:
    """Write the page, and return a line that says what was written.

    Args:
        model: the bytes of models/model.onnx.
        page_html: where to write.
        cells: that the page must answer as the model does; see `page_model`.
        thresholds: of the calls, on p(ALL).
    """
    try:
        runtime = read_runtime(runtime_folder())
    except RuntimeMissingError as error:
        write_text(render_not_built(str(error)), page_html)
        return (
            f"{page_html} was not built: {error}; run `{INSTALL}`, which needs npm and its "
            "registry, and then `make export`"
        )
    page = render_page(page_model(model, cells, thresholds=thresholds), runtime)
    write_text(page, page_html)
    return f"{page_html}: {len(page) / 1e6:.0f} MB, the model in a browser"
