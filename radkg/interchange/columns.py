"""Read columns of a CSV file from another program; each row comes with its line number."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from radkg.errors import SchemaError, StorageError


def read_columns(file: Path, columns: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield the line on which a row ends, and its values of `columns`, for each row of a CSV file.

    Args:
        file: a CSV file in UTF-8 with a header.
        columns: the columns to read, all required; other columns are left out.

    Raises:
        StorageError: the file cannot be read.
        SchemaError: the file is not CSV in UTF-8, a column is missing, or a row has more or fewer
            values than the header; the message names the line.
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        raise StorageError(f"cannot read {file}: {error.strerror}") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SchemaError(f"{file}, line {line}: not UTF-8: save the file as UTF-8") from error
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(rows, [])
        if missing := [name for name in columns if name not in header]:
            raise SchemaError(f"{file} needs a header with the columns {','.join(missing)}")
        places = [header.index(name) for name in columns]
        for row in rows:
            if not row:  # a blank line
                continue
            if len(row) != len(header):
                raise SchemaError(
                    f"{file}, line {rows.line_num}: {len(row)} values, the header has {len(header)}"
                )
            yield rows.line_num, [row[place] for place in places]
    except csv.Error as error:
        raise SchemaError(f"{file}, line {rows.line_num}: no CSV: {error}") from error
