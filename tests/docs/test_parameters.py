"""docs/parameters.md describes every parameter, as its dataclass does."""

from __future__ import annotations

import dataclasses

import pytest
from pydantic import TypeAdapter

from stages.common.params_file import sections
from tests.docs.parameters import PAGE, page


def test_the_page_is_what_the_dataclasses_and_params_yaml_say() -> None:
    written = PAGE.read_text(encoding="utf-8")
    assert written == page(), "write it anew: python -m tests.docs.parameters"


@pytest.mark.parametrize(("name", "kind"), sections().items())
def test_every_key_is_described(name: str, kind: type) -> None:
    schema = TypeAdapter(kind).json_schema()
    for group in [schema, *schema.get("$defs", {}).values()]:
        assert len(group["description"]) > 10, f"{name}: {group}"
        for key, field in group["properties"].items():
            assert "$ref" in field or field.get("description"), f"{name}: {key}"
    assert dataclasses.is_dataclass(kind)
