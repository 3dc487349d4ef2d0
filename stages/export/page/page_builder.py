"""Build models/classifier.html: model, runtime and page in one file that asks for nothing."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import deflate
import onnx
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from stages.export.page.browser_runtime import INSTALL, PACKAGE, BrowserRuntime
from stages.export.page.joined_scripts import joined_scripts
from stages.report import formatting

_FOLDER = Path(__file__).parent
SCRIPTS = _FOLDER / "scripts"
_REPORT = Path(formatting.__file__).parent
_COMPRESSION = 9

COLUMNS = {
    "name": "Name",
    "p_all": "p(ALL)",
    "p_all_calibrated": "Calibrated",
    "call": "Call",
    "call_at_operating_point": "Operating point",
    "note": "Note",
}
"""Those of `python -m stages.predict`, and how the table heads them."""


def render_page(model: bytes, runtime: BrowserRuntime) -> str:
    """Return the page. The same model and runtime give the same bytes.

    Args:
        model: the bytes of an ONNX model with metadata, as `make export` writes it.
        runtime: that runs it in a browser.
    """
    metadata = _metadata(model)
    style = _style("report.css", "classifier.css")
    script = _script(joined_scripts(SCRIPTS / "main.js"))
    worker = joined_scripts(SCRIPTS / "worker.js")
    page: str = (
        _environment()
        .get_template("classifier.html.jinja")
        .render(
            metadata=metadata,
            metadata_json=_data(metadata),
            policy=_policy(script=script, style=style),
            style=style,
            script=script,
            worker=_script(runtime.script + worker),
            wasm=_packed(runtime.program),
            model=_packed(model),
            columns=COLUMNS.items(),
            figures=_figures(metadata["figures"], synthetic=metadata["data"]["synthetic"]),
            origin=_origin(metadata),
            parts=_parts(model, runtime),
            licence=(_FOLDER / "onnxruntime-licence.txt").read_text(encoding="utf-8"),
        )
    )
    return page


def render_not_built(reason: str) -> str:
    """Return a page that says why the page was not built, and how to build it."""
    remedy = (
        f"run `{INSTALL}` where npm and its registry are within reach (`make repro` does), and "
        "then `make export`"
    )
    page: str = (
        _environment()
        .get_template("not_built.html.jinja")
        .render(reason=reason, remedy=remedy, style=_style("report.css"))
    )
    return page


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"text": formatting.as_text, "headed": formatting.as_heading}
    return made


def _metadata(model: bytes) -> dict[str, Any]:
    kept = onnx.load_model_from_string(model).metadata_props
    (text,) = [entry.value for entry in kept if entry.key == "classifier"]
    metadata: dict[str, Any] = json.loads(text)
    return metadata


def _policy(*, script: str, style: str) -> str:
    """Return the Content-Security-Policy: this script, this style, and no connection."""
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {_hash(script)} 'wasm-unsafe-eval'",
            f"style-src {_hash(style)}",
            "worker-src blob:",
            "img-src blob: data:",
            "connect-src 'none'",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def _hash(content: str) -> str:
    digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def _style(*names: str) -> Markup:
    folders = {"report.css": _REPORT}
    texts = [(folders.get(name, _FOLDER) / name).read_text(encoding="utf-8") for name in names]
    return Markup("\n".join(texts))  # noqa: S704


def _script(content: str) -> Markup:
    """Return a script as it may stand between its tags."""
    if "</script" in content.lower() or "<!--" in content:
        raise ValueError("a script of the page holds what ends it in HTML")
    return Markup(content)  # noqa: S704


def _data(content: Mapping[str, Any]) -> Markup:
    """Return JSON as it may stand between the tags of a script."""
    text = json.dumps(content, sort_keys=True, allow_nan=False)
    return Markup(text.replace("<", "\\u003c"))  # noqa: S704


def _packed(content: bytes) -> Markup:
    """Return bytes as text: gzip, which browsers unpack, in base64.

    libdeflate of a pinned version: Python's own zlib is the system's, and each packs differently.
    """
    packed = deflate.gzip_compress(content, _COMPRESSION)
    return Markup(base64.b64encode(packed).decode("ascii"))  # noqa: S704


_PERCENT = {
    "accuracy": "Accuracy",
    "sensitivity": "Sensitivity for ALL",
    "specificity": "Specificity",
}
_Rows = list[tuple[str, str, str]]


def _figures(figures: Mapping[str, Any], *, synthetic: bool) -> list[tuple[str, _Rows]]:
    """Return the tables of the model card: caption, and rows of name, value and 95 % interval."""
    test, external = figures["test"], figures.get("external") or {}
    sets = {"Test split": test} | {f"External set {name}": part for name, part in external.items()}
    kind = "synthetic cells" if synthetic else "cells"
    return [(f"{name}: {_counted(part, kind)}", _rows(part)) for name, part in sets.items()]


def _counted(part: Mapping[str, Any], kind: str) -> str:
    subjects = part.get("subjects")
    return f"{part['cells']:,} {kind}" + (f" of {subjects:,} subjects" if subjects else "")


def _rows(part: Mapping[str, Any]) -> _Rows:
    intervals = part.get("intervals") or {}
    rows = [
        (name, formatting.as_percent(part[key]), _within(intervals.get(key), percent=True))
        for key, name in _PERCENT.items()
        if key in part
    ]
    if "roc_auc" in part:
        area = formatting.as_figure(part["roc_auc"])
        rows.append(("ROC AUC", area, _within(intervals.get("roc_auc"), percent=False)))
    return rows


def _within(interval: list[float] | None, *, percent: bool) -> str:
    if interval is None:
        return ""
    text = formatting.as_percent_interval if percent else formatting.as_interval
    return f"95\N{NO-BREAK SPACE}%: {text(interval)}"


def _origin(metadata: Mapping[str, Any]) -> list[tuple[str, str]]:
    chosen = ("project", "version", "revision", "data", "input", "opset", "versions", "hashes")
    return formatting.as_rows({name: metadata[name] for name in chosen if name in metadata})


def _parts(model: bytes, runtime: BrowserRuntime) -> list[tuple[str, str]]:
    return [
        ("SHA-256 of the model in this page", hashlib.sha256(model).hexdigest()),
        (f"{PACKAGE} {runtime.version}", "MIT License, below"),
    ]
