"""Paths in `-S`, in params.yaml and in `--temp`: the quoting that docs/data.md shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from dvc.utils.hydra import apply_overrides

from tests.conftest import CHARACTERS


def quoted(path: str) -> str:
    """A path in single quotes, as docs/data.md says."""
    doubled = re.sub(r"(\\+)(?='|$)", r"\1\1", path)
    return "'{}'".format(doubled.replace("'", "\\'"))


@pytest.mark.parametrize("character", CHARACTERS, ids=ascii)
def test_a_path_in_quotes_arrives_whatever_its_characters(tmp_path: Path, character: str) -> None:
    path = f"/data/{character}a {character}1/{character}{character}.zip #{character}"
    params = tmp_path / "params.yaml"
    for value in (path, f"https://host{path}?a=b&c=%20", f"/a{character}'\\'{character}"):
        params.write_text("download:\n  source: kaggle\n  weights: none\n", encoding="utf-8")
        apply_overrides(params, [f"download.source={quoted(value)}"])
        written = yaml.safe_load(params.read_text(encoding="utf-8"))
        assert written == {"download": {"source": value, "weights": "none"}}
