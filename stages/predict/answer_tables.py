"""Write predictions, row by row, as CSV, JSON Lines or Parquet."""

from __future__ import annotations

import csv
import dataclasses
import itertools
import json
from collections.abc import Callable, Iterable
from typing import IO

from stages.common.errors import StageError
from stages.predict.batch_predictions import P_ALL_DECIMALS, Prediction

COLUMNS = tuple(field.name for field in dataclasses.fields(Prediction))
ROW_GROUP = 10_000
"""Rows of a Parquet file that are kept before they are written."""

NO_PYARROW = (
    "Parquet needs pyarrow, which is not among the installed packages; `python -m pip install "
    "pyarrow` installs it, or take --format csv"
)


class _Utf8:
    """A binary file for text; what UTF-8 lacks, as in names of files, becomes an escape."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, text: str) -> None:
        """Write text, at once."""
        self._file.write(text.encode("utf-8", "backslashreplace"))
        self._file.flush()


def write_csv_rows(predictions: Iterable[Prediction], file: IO[bytes]) -> None:
    """Write a header, and a row for each prediction."""
    writer = csv.writer(_Utf8(file), lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in predictions:
        numbers = (f"{p:.{P_ALL_DECIMALS}f}" for p in (row.p_all, row.p_all_calibrated))
        rest = (row.call, row.call_at_operating_point, row.note)
        writer.writerow((row.name, *numbers, *rest))


def write_json_lines(predictions: Iterable[Prediction], file: IO[bytes]) -> None:
    """Write a JSON object for each prediction, in a line."""
    lines = _Utf8(file)
    for row in predictions:
        lines.write(json.dumps(dataclasses.asdict(row), ensure_ascii=False) + "\n")


def write_parquet(predictions: Iterable[Prediction], file: IO[bytes]) -> None:
    """Write a Parquet file. Raises StageError without pyarrow."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise StageError(NO_PYARROW) from error
    schema = pyarrow.schema(
        [
            (name, pyarrow.float64() if name.startswith("p_") else pyarrow.string())
            for name in COLUMNS
        ]
    )
    rows = iter(predictions)
    with pyarrow.parquet.ParquetWriter(file, schema) as writer:
        while group := [dataclasses.asdict(row) for row in itertools.islice(rows, ROW_GROUP)]:
            writer.write_table(pyarrow.Table.from_pylist(group, schema))


WRITERS: dict[str, Callable[[Iterable[Prediction], IO[bytes]], None]] = {
    "csv": write_csv_rows,
    "json": write_json_lines,
    "parquet": write_parquet,
}
