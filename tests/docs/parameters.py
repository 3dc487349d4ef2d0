"""docs/parameters.md, from the dataclasses of the parameters and params.yaml.

`python -m tests.docs.parameters` writes it; a test compares.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from pydantic import TypeAdapter

from stages.common.files import write_text
from stages.common.params_file import Params, sections
from tests.conftest import ROOT

PAGE = ROOT / "docs/parameters.md"
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))

HEAD = """\
# Parameters

Every number and every switch is in `params.yaml`. `profile` chooses between `profiles.synthetic`
and `profiles.cnmc`; each lists every key of every stage. `model` and `cross_validation` are the
same for both. After a change, `dvc repro` runs the stages that read the key, and what depends on
them. For a single run:

    .venv/bin/dvc exp run -S profiles.synthetic.train.epochs=3

A parameter that is unknown, missing, of the wrong type or out of range stops the run at its first
stage, with its name. One that does not fit the data (a crop larger than the images) stops the stage
that uses it.

The two columns of values show what the repository ships. For a key of the entries of a list (`[]`)
they show what holds where an entry leaves it out, or – where it may not. `python -m
tests.docs.parameters` writes this page from the dataclasses in `stages/*/params.py`.
"""

Schema = Mapping[str, Any]


def page() -> str:
    """The whole page."""
    kinds = sections()
    stages = list(next(iter(PARAMS["profiles"].values())))
    shared = ("model", "cross_validation")
    parts = [
        HEAD,
        _top_level(),
        *(_section(name, kinds[name], {"": PARAMS[name]}) for name in shared),
    ]
    for stage in stages:
        values = {name: profile[stage] for name, profile in PARAMS["profiles"].items()}
        parts.append(_section(stage, kinds[stage], values))
    return "\n".join(parts)


def _top_level() -> str:
    schema = TypeAdapter(Params[dict[str, Any], dict[str, Any], dict[str, Any]]).json_schema()
    about = _sentence(schema["properties"]["profile"]["description"])
    profiles = ", ".join(f"`{name}`" for name in PARAMS["profiles"])
    lines = [
        "## Shared by all stages\n",
        "| key | value | allowed | what it does |",
        "| --- | --- | --- | --- |",
        f"| `profile` | {_written(PARAMS['profile'])} | {profiles} | {about} |",
    ]
    return "\n".join(lines) + "\n"


def _section(name: str, kind: type, values: Mapping[str, Mapping[str, Any]]) -> str:
    schema = TypeAdapter(kind).json_schema()
    columns = [f"`{profile}`" if profile else "value" for profile in values]
    lines = [
        f"## {name}\n\n{_sentence(schema['description'])}\n",
        f"| key | {' | '.join(columns)} | allowed | what it does |",
        f"| --- |{' --- |' * len(columns)} --- | --- |",
    ]
    for key, field, about in _keys(schema, schema.get("$defs", {})):
        if about:  # a group of keys
            lines.append(f"| `{key}` |{' |' * len(columns)} | {_sentence(about)} |")
            continue
        shipped = [_shipped(section, key, field) for section in values.values()]
        lines.append(
            f"| `{key}` | {' | '.join(shipped)} | {_allowed(field)} | "
            f"{_sentence(field['description'])} |"
        )
    return "\n".join(lines) + "\n"


def _keys(schema: Schema, definitions: Schema, prefix: str = "") -> Iterator[tuple[str, Any, str]]:
    """Each key, its schema, and for a group of keys what the group is."""
    for name, field in schema["properties"].items():
        key = f"{prefix}{name}"
        if "$ref" in field:
            group = definitions[field["$ref"].rpartition("/")[2]]
            yield key, field, group["description"]
            yield from _keys(group, definitions, f"{key}.")
        else:
            yield key, field, ""
        if of_each := field.get("items", {}).get("$ref"):
            yield from _keys(definitions[of_each.rpartition("/")[2]], definitions, f"{key}[].")


def _shipped(section: Mapping[str, Any], key: str, field: Schema) -> str:
    """The value in a profile; of a key of each entry of a list what it is where it is left out."""
    if "[]" not in key:
        return _written(_value(section, key))
    return _written(field["default"]) if "default" in field else "–"


def _value(section: Mapping[str, Any], key: str) -> Any:
    value: Any = section
    for part in key.split("."):
        value = value[part]
    return value


def _written(value: Any) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=True).split("\n")[0]
    return f"`{text}`"


def _allowed(field: Schema) -> str:
    if "anyOf" in field:
        return " or ".join(_allowed(choice) for choice in field["anyOf"])
    if "enum" in field or "const" in field:
        return ", ".join(_written(value) for value in field.get("enum", [field.get("const")]))
    match field["type"]:
        case "null":
            return "`null`"
        case "array" if "$ref" in field["items"]:
            return "list of entries with the keys below"
        case "array":
            number = f"{field['minItems']} or more: " if "minItems" in field else ""
            return f"list of {number}{_allowed(field['items'])}"
        case "boolean":
            return "`true`, `false`"
        case "object":
            keys = ", ".join(f"`{key}`" for key in field["propertyNames"]["enum"])
            return f"{keys}: each a {_allowed(field['additionalProperties'])}"
        case "string":
            return "text" if "pattern" not in field else f"`{field['pattern'].strip('^$')}`"
    if field.get("minimum", 0) == field.get("maximum", 1):
        return _written(field["minimum"])
    return f"{'whole number' if field['type'] == 'integer' else 'number'}{_range(field)}"


def _range(field: Schema) -> str:
    words = {
        "minimum": "≥",
        "exclusiveMinimum": ">",
        "maximum": "≤",
        "exclusiveMaximum": "<",
    }
    found = [f"{sign} {field[name]:,}" for name, sign in words.items() if name in field]
    return f" {', '.join(found)}" if found else ""


def _sentence(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    write_text(page(), PAGE)
    print(f"Wrote {PAGE}")
