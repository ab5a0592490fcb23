"""The rows of a table with their places in it: CSV, TSV or JSON lines, plain or as gzip.

One pass gives every row with its first byte and its length, so that one row can be read again
alone. Bytes that are no UTF-8 become lone surrogates, so that the study of the row is still known.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import stat
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property, partial
from typing import Any, Protocol

from radkg.archive.files.members import read_member
from radkg.archive.files.messages import sanitize
from radkg.archive.files.places import Place
from radkg.archive.files.streams import open_binary
from radkg.errors import ArchiveError

Values = Mapping[str, Any]  # by column: str, or a list of str where the table can hold lists

DELIMITERS = {".csv": ",", ".tsv": "\t"}
JSON_LINES = (".jsonl", ".ndjson")
_MAX_LINE = 1 << 22  # bytes; what is longer is no line of reports, and no row
_MAX_COLUMNS = 10_000
_MAX_EMPTY = 100_000  # lines, one after the other
_BOM = b"\xef\xbb\xbf"
_DAMAGE = (csv.Error, EOFError, zlib.error, gzip.BadGzipFile)


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row: the line where it begins, its place and length in bytes, and its bytes."""

    line: int
    offset: int
    length: int
    data: bytes
    values: Values


class TableRows(Protocol):
    """A table of one file; cheap to pickle."""

    @property
    def path(self) -> Place:
        """The file."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns.

        Raises:
            ArchiveError: the beginning of the table cannot be read.
        """
        ...

    def __iter__(self) -> Iterator[TableRow]:
        """Yield every row, in order.

        Raises:
            ArchiveError: the table is damaged; the message names the line.
        """
        ...

    def read_row(self, record: Mapping[str, Any]) -> Values:
        """Return the row of the table that a row of the index names by its place and `content`.

        Raises:
            ArchiveError: the table is gone, or changed since it was indexed.
        """
        ...


@dataclass(frozen=True)
class Delimited:
    """A CSV or TSV, quoted as RFC 4180 says; line breaks may stand in quotes."""

    path: Place
    delimiter: str = ","

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, blanks around them left out."""
        return tuple(name.strip() for name in next(self._records())[3])

    def __iter__(self) -> Iterator[TableRow]:
        """Yield every row; of blank lines nothing."""
        records = self._records()
        columns = tuple(name.strip() for name in next(records)[3])
        for line, offset, data, cells in records:
            if len(cells) == len(columns):
                yield TableRow(
                    line, offset, len(data), data, dict(zip(columns, cells, strict=True))
                )
            elif cells:
                raise make_table_error(
                    self.path, line, f"{len(cells)} columns instead of {len(columns)}"
                )

    def read_row(self, record: Mapping[str, Any]) -> Values:
        """Return one row of the index."""
        text = read_member(self.path, record).decode(errors="surrogateescape")
        (cells,) = csv.reader(io.StringIO(text, newline="\n"), delimiter=self.delimiter)
        return dict(zip(self.columns, cells, strict=True))

    def _records(self) -> Iterator[tuple[int, int, bytes, list[str]]]:
        """Yield line, place, bytes and cells of each record, the header first."""
        held: list[bytes] = []  # the lines that csv has taken for the record it is at
        length = 0  # of them, in bytes

        def decoded() -> Iterator[str]:
            nonlocal length
            for i, data in enumerate(_lines(self.path)):
                held.append(data)
                length += len(data)
                if length > _MAX_LINE:
                    raise csv.Error(f"a row of more than {_MAX_LINE} bytes")
                yield (data if i else data.removeprefix(_BOM)).decode(errors="surrogateescape")

        cells = csv.reader(decoded(), delimiter=self.delimiter, strict=True)
        line, offset = 1, 0
        try:
            for row in cells:
                if len(row) > _MAX_COLUMNS:
                    raise csv.Error(f"{len(row)} columns, more than {_MAX_COLUMNS}")
                data, length = b"".join(held), 0
                held.clear()
                yield line, offset, data, row
                line, offset = cells.line_num + 1, offset + len(data)
        except _DAMAGE as error:
            raise make_table_error(self.path, line, str(error)) from error
        if not offset:
            raise make_table_error(self.path, 1, "the table is empty")


@dataclass(frozen=True)
class JsonLines:
    """One JSON object a line."""

    path: Place

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The keys of the first object."""
        for row in self:
            return tuple(row.values)
        raise make_table_error(self.path, 1, "the table is empty")

    def __iter__(self) -> Iterator[TableRow]:
        """Yield every object; of blank lines nothing."""
        offset = line = 0
        try:
            for line, data in enumerate(_lines(self.path), start=1):
                if data.strip():
                    yield TableRow(line, offset, len(data), data, self._object(data, line))
                offset += len(data)
        except _DAMAGE as error:
            raise make_table_error(self.path, line + 1, str(error)) from error

    def read_row(self, record: Mapping[str, Any]) -> Values:
        """Return one row of the index."""
        return self._object(read_member(self.path, record), 0)

    def _object(self, data: bytes, line: int) -> Values:
        try:
            found = json.loads(data.removeprefix(_BOM).decode(errors="surrogateescape"))
        except (ValueError, RecursionError) as error:
            raise make_table_error(self.path, line, f"no JSON: {error}") from error
        if not isinstance(found, dict):
            raise make_table_error(self.path, line, "no JSON object")
        return {key: convert_to_text(value) for key, value in found.items()}


def check_is_file(path: Place) -> str | None:
    """Return why a path is no regular file, or None where it is one."""
    try:
        return None if stat.S_ISREG(path.stat().st_mode) else f"{path} is no regular file"
    except OSError as error:
        return f"{path}: {error.strerror}"


def make_table_error(path: Place, line: int, what: str) -> ArchiveError:
    """Return the error for a table that is damaged at a line."""
    return ArchiveError(f"{path}, line {line}: {sanitize(what)}: correct the table")


def convert_to_text(value: Any) -> Any:
    """Return a value of a typed table as text, a list as texts, what is missing as empty text.

    An object stays as it is: the caller that needs text refuses it.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bytes):
        return value.decode(errors="surrogateescape")
    if isinstance(value, list):
        return [convert_to_text(item) for item in value]
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, int | float) else value


def _lines(path: Place) -> Iterator[bytes]:
    empty = 0
    try:
        with open_binary(path) as stream:
            for number, line in enumerate(iter(partial(stream.readline, _MAX_LINE), b""), start=1):
                if len(line) == _MAX_LINE:
                    raise make_table_error(path, number, f"a line of {_MAX_LINE} bytes or more")
                empty = 0 if line.strip() else empty + 1
                if empty > _MAX_EMPTY:
                    raise make_table_error(path, number, f"more than {_MAX_EMPTY} empty lines")
                yield line
    except gzip.BadGzipFile:
        raise
    except OSError as error:
        raise ArchiveError(f"cannot read {path}: {sanitize(error.strerror or error)}") from error
