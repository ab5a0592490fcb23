"""A sheet of any kind as CSV: written for spreadsheets, read as they save it.

Cells that a spreadsheet would take for formulas are escaped in the file alone: rows hold the true
ids and words.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from radkg.errors import SchemaError, StorageError
from radkg.schema.cells import escape_cell, read_cell

Row = TypeVar("Row")


def write_cells(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a sheet as CSV with its header; lines end with CR LF, as in spreadsheets."""
    out = io.StringIO()
    csv.writer(out).writerows([columns, *(map(escape_cell, row) for row in rows)])
    return out.getvalue()


def read_text(file: Path) -> str:
    """Return the text of a sheet.

    Raises:
        StorageError: it cannot be read.
        SchemaError: it is not UTF-8.
    """
    try:
        return file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise StorageError(f"cannot read {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SchemaError(f"{file} is not UTF-8: save the sheet as CSV UTF-8") from error


def list_columns(text: str) -> list[str]:
    """Return the names of the columns of a sheet, in lower case."""
    return [cell.strip().lower() for cell in next(_read(text), [])]


def read_cells(
    text: str, name: str, columns: Sequence[str], parse: Callable[[dict[str, str]], Row]
) -> list[tuple[int, Row]]:
    """Return each row of a sheet with its line, whether commas or semicolons separate its cells.

    Args:
        text: of the sheet.
        name: what messages call it.
        columns: that it must have.
        parse: makes a row of its cells by column; a ValueError says what is wrong with them.

    Raises:
        SchemaError: a column is missing, or a row is damaged; the message names file and line.
    """
    known = list_columns(text)
    missing = [column for column in columns if column not in known]
    if missing:
        raise SchemaError(f"{name} is no review sheet: no column {', '.join(missing)}")
    reader = _read(text)
    next(reader, None)
    rows = []
    for cells in reader:
        if not any(cells):
            continue
        try:
            row = parse(dict(zip(known, map(read_cell, cells), strict=True)))
        except ValueError as error:
            raise SchemaError(f"{name} line {reader.line_num}: {error}") from error
        rows.append((reader.line_num, row))
    return rows


def _read(text: str) -> Any:  # a csv.reader, whose class has no public name
    header = text.partition("\n")[0]
    delimiter = ";" if header.count(";") > header.count(",") else ","
    return csv.reader(io.StringIO(text), delimiter=delimiter)
