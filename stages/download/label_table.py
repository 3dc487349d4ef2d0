"""Read the tables `metadata.csv` (.tsv, .jsonl, .parquet) of a set: its images and what is known.

Columns are `file_name` (the path of an image below the folder of the table) and `label`, and of
`subject`, `field`, `cell`, `fold` and `split` what there is. Other columns are carried along.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import PurePosixPath

import pandas as pd

from stages.dataset.archive_metadata import GIVEN
from stages.dataset.cell_table import COLUMNS
from stages.dataset.part_names import PART_NAMES
from stages.download.inventory import some
from stages.download.set_layout import (
    SetError,
    archive_names,
    composed,
    part_of_folders,
    tables_among,
)
from stages.download.source_files import SourceFiles

_NEEDED = ("file_name", "label")
_MISSING = {"", "na", "n/a", "nan", "null", "none"}
"""Values, in lower case, that say in the columns of GIVEN that nothing is known; R writes NA."""
_PEOPLE = re.compile(r"(case|donor|patient|person|subject)s?[ _-]?(id|name|no|nr|number)?", re.I)
"""Names of columns that tell people apart: only `subject` is split by and made a pseudonym."""
_TAKEN = ({*COLUMNS} - {*GIVEN, *_NEEDED}) | {"source"}


def images_in_tables(files: SourceFiles) -> pd.DataFrame:
    """List the images that the tables of a set name.

    Returns:
        One row per image, all texts: source (its path in the set), file_name (its path in the
        archive), label, those columns of GIVEN that are known of any image, and the carried ones.

    Raises:
        SetError: if a table cannot be read, lacks a column, has an empty label, an unknown part or
            a column of a name that the project uses itself, or names an image that is not there or
            that another row names.
    """
    tables = [_read(files, name) for name in tables_among(files.names)]
    table = pd.concat(tables, ignore_index=True).fillna("")
    if table.empty:
        raise SetError(f"{tables_among(files.names)[0]} has no rows")
    table["source"] = _places(table, files.names)
    table["file_name"] = archive_names(table["source"].tolist())
    for column in GIVEN:
        if column in table:
            empty = table[column].str.lower().isin(_MISSING)
            table[column] = table[column].where(~empty, "")
            if empty.all():
                table = table.drop(columns=column)
    if "split" in table:
        table["split"] = _parts(table)
    order = ["source", *_NEEDED, *(column for column in GIVEN if column in table)]
    return table[[*order, *(column for column in table if column not in order)]]


def _read(files: SourceFiles, name: str) -> pd.DataFrame:
    """Read one table; its images get their paths in the set, and the part of their folder."""
    path = PurePosixPath(name)
    read = _READERS[path.suffix.lower()]
    try:
        table = read(files.read(name))
    except ImportError as error:
        raise SetError(
            f"{name} needs a package that is not installed; save the table as metadata.csv, or "
            "install it (.venv/bin/python -m pip install pyarrow)"
        ) from error
    except (ValueError, OSError) as error:  # also of JSON, of pandas and of bytes not in UTF-8
        raise SetError(f"{name} cannot be read ({' '.join(str(error).split())})") from error
    table.columns = [_column(str(column)) for column in table.columns]
    _check_columns(table, name)
    for column in table.columns.intersection([*_NEEDED, *GIVEN]):
        table[column] = table[column].str.strip()
    _check_rows(table, name)
    table["file_name"] = [str(path.parent / image) for image in table["file_name"]]
    if "split" not in table and (part := part_of_folders(path.parent.parts)):
        table["split"] = part
    return table


def _read_csv(content: bytes) -> pd.DataFrame:
    """Read CSV as Excel writes it, too: with a byte order mark, and where , is a decimal with ;."""
    header = content.split(b"\n", 1)[0]
    separator = ";" if b";" in header and b"," not in header else ","
    return _read_separated(content, separator)


def _read_separated(content: bytes, separator: str) -> pd.DataFrame:
    return pd.read_csv(
        io.BytesIO(content),
        sep=separator,
        dtype="str",
        keep_default_na=False,
        index_col=False,
    )


def _read_json_lines(content: bytes) -> pd.DataFrame:
    rows = [json.loads(line) for line in content.decode("utf-8-sig").splitlines() if line.strip()]
    if not all(isinstance(row, dict) for row in rows):
        raise ValueError("each line must be an object")
    texts = [{str(key): _text(value) for key, value in row.items()} for row in rows]
    return pd.DataFrame(texts).fillna("").astype("str")


def _read_parquet(content: bytes) -> pd.DataFrame:
    table = pd.read_parquet(io.BytesIO(content), dtype_backend="numpy_nullable")
    return table.astype(object).where(table.notna(), None).map(_text).astype("str")


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, (bool, int, float, list, dict)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


_READERS: dict[str, Callable[[bytes], pd.DataFrame]] = {
    ".csv": _read_csv,
    ".tsv": lambda content: _read_separated(content, "\t"),
    ".jsonl": _read_json_lines,
    ".parquet": _read_parquet,
}


def _column(name: str) -> str:
    """Return a column's name without spaces at its ends, and in lower case if it is one of ours."""
    bare = name.strip()
    return bare.lower() if bare.lower() in (*_NEEDED, *GIVEN) else bare


def _check_columns(table: pd.DataFrame, name: str) -> None:
    columns = [str(column) for column in table.columns]
    if missing := [column for column in _NEEDED if column not in columns]:
        raise SetError(
            f"{name} has columns {', '.join(columns)}, but no {' and no '.join(missing)}; expected "
            f"file_name and label, and of {', '.join(GIVEN)} what is known"
        )
    people = [column for column in columns if _PEOPLE.fullmatch(column) and column != "subject"]
    if people:
        raise SetError(
            f"{name} has a column {people[0]}; name it subject if it tells people apart, for the "
            "split and for pseudonyms, or leave it out"
        )
    if taken := sorted(_TAKEN.intersection(columns)):
        raise SetError(f"{name} has a column {taken[0]}, a name of the project's own; rename it")
    if repeated := sorted({column for column in columns if columns.count(column) > 1}):
        raise SetError(f"{name} has two columns {repeated[0]}; rename one")


def _check_rows(table: pd.DataFrame, name: str) -> None:
    for column in _NEEDED:
        empty = table.index[table[column] == ""]
        if len(empty):
            raise SetError(
                f"{name} has no {column} in {len(empty):,} of {len(table):,} rows (first: row "
                f"{empty[0] + 1}); fill it in, or leave the rows out"
            )
    parts = [PurePosixPath(image) for image in table["file_name"]]
    outside = [str(path) for path in parts if path.is_absolute() or ".." in path.parts]
    if outside:
        raise SetError(
            f"{name} names {some(outside)}; expected paths below the folder of the table"
        )


def _places(table: pd.DataFrame, names: list[str]) -> list[str]:
    """Return the path in the set of the image of each row."""
    known = {composed(name): name for name in names} | {name: name for name in names}
    found = [known.get(name) or known.get(composed(name)) for name in table["file_name"]]
    missing = [name for name, place in zip(table["file_name"], found, strict=True) if place is None]
    if missing:
        windows = any("\\" in name for name in missing)
        raise SetError(
            f"{len(missing):,} of {len(table):,} images of the table are not there: {some(missing)}"
            "; expected paths below the folder of the table"
            + ("; write / between folders, not \\" if windows else "")
        )
    repeated = table.loc[pd.Series(found).duplicated(), "file_name"].tolist()
    if repeated:
        raise SetError(f"the table has two rows for {some(repeated)}; leave one of them out")
    return [str(place) for place in found]


def _parts(table: pd.DataFrame) -> pd.Series:
    given = table["split"].str.lower()
    unknown = table.loc[~given.isin([*PART_NAMES, ""]), "split"]
    if len(unknown):
        raise SetError(
            f"split is {unknown.iloc[0]!r} for {table.loc[unknown.index[0], 'source']}, one of "
            f"{len(unknown):,} with an unknown part; expected {', '.join(PART_NAMES)}, or nothing"
        )
    return given.map(lambda part: PART_NAMES.get(part, ""))
