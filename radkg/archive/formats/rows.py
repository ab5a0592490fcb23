"""The rows of a table with their places in it: CSV, TSV or JSON lines, plain or as gzip.

One pass gives every row with its first byte and its length, so that one row can be read again
alone. Bytes that are no UTF-8 become lone surrogates, so that the study of the row is still known.
A CSV may be UTF-16 too: Excel's "Unicode text" is.
"""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import json
import stat
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import IO, Any, Protocol

from radkg.archive.files.members import read_member
from radkg.archive.files.messages import sanitize
from radkg.archive.files.places import Place
from radkg.archive.files.streams import open_binary
from radkg.archive.formats.cells import convert_to_text
from radkg.errors import ArchiveError

Values = Mapping[str, Any]  # by column: str, or a list of str where the table can hold lists

DELIMITERS = {".csv": ",", ".tsv": "\t"}
JSON_LINES = (".jsonl", ".ndjson")
_MAX_LINE = 1 << 22  # bytes; what is longer is no line of reports, and no row
_MAX_COLUMNS = 10_000
_MAX_EMPTY = 100_000  # lines, one after the other
_FIRST_OBJECTS = 100  # whose keys are the columns: a key may be left out where it has no value
_BLANK = b" \t\r\n\v\f\0"
UTF8 = "utf-8"
UNNAMED = "\0"  # and a number: the name of a column that has none
_ERRORS = {UTF8: "surrogateescape"}  # any other encoding lets lone surrogates pass
_DAMAGE = (csv.Error, EOFError, zlib.error, gzip.BadGzipFile, UnicodeDecodeError)


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
    """A CSV or TSV, quoted as RFC 4180 says; line breaks may stand in quotes.

    `skipped` lines stand above the header. A column without a name is called by its number.
    """

    path: Place
    delimiter: str = ","
    encoding: str = UTF8
    skipped: int = 0

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, blanks around them left out."""
        return _name_all(next(self._records())[3])

    def __iter__(self) -> Iterator[TableRow]:
        """Yield every row; of blank lines nothing."""
        records = self._records()
        columns = _name_all(next(records)[3])
        for line, offset, data, cells in records:
            if len(cells) > len(columns) and not any(cells[len(columns) :]):
                del cells[len(columns) :]
            if len(cells) == len(columns):
                yield TableRow(
                    line, offset, len(data), data, dict(zip(columns, cells, strict=True))
                )
            elif cells:
                raise make_table_error(
                    self.path,
                    line,
                    f"{len(cells)} columns instead of {len(columns)}: put quotes around a text "
                    f"that holds {self.delimiter!a} or a line break",
                )

    def read_row(self, record: Mapping[str, Any]) -> Values:
        """Return one row of the index."""
        text = self._decode(read_member(self.path, record))
        (cells,) = csv.reader(io.StringIO(text, newline="\n"), delimiter=self.delimiter)
        return dict(zip(self.columns, cells, strict=False))

    def _decode(self, data: bytes) -> str:
        return data.decode(self.encoding, errors=_ERRORS.get(self.encoding, "surrogatepass"))

    def _records(self) -> Iterator[tuple[int, int, bytes, list[str]]]:
        """Yield line, place, bytes and cells of each record, the header first."""
        held: list[bytes] = []  # the lines that csv has taken for the record it is at
        length = 0  # of them, in bytes

        def decoded() -> Iterator[str]:
            nonlocal length
            for i, data in enumerate(lines):
                held.append(data)
                length += len(data)
                if length > _MAX_LINE:
                    raise csv.Error(f"a row of more than {_MAX_LINE} bytes")
                text = self._decode(data)
                yield text if i or self.skipped else text.removeprefix("\ufeff")

        lines = _lines(self.path, self.encoding)
        cells = csv.reader(decoded(), delimiter=self.delimiter, strict=True)
        line, offset = 1 + self.skipped, 0
        try:
            offset += sum(len(data) for data in itertools.islice(lines, self.skipped))
            for row in cells:
                if len(row) > _MAX_COLUMNS:
                    raise csv.Error(f"{len(row)} columns, more than {_MAX_COLUMNS}")
                data, length = b"".join(held), 0
                held.clear()
                yield line, offset, data, row
                line, offset = cells.line_num + 1 + self.skipped, offset + len(data)
        except _DAMAGE as error:
            raise make_table_error(self.path, line, _explain(error)) from error
        if line == 1 + self.skipped:
            raise make_table_error(self.path, line, "the table is empty")


@dataclass(frozen=True)
class JsonLines:
    """One JSON object a line."""

    path: Place

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The keys of the first objects."""
        names: dict[str, None] = {}
        try:
            for row in itertools.islice(self, _FIRST_OBJECTS):
                names |= dict.fromkeys(row.values)
        except ArchiveError:
            if not names:
                raise
        if not names:
            raise make_table_error(self.path, 1, "the table is empty")
        return tuple(names)

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
            text = data.decode(errors="surrogateescape").removeprefix("\ufeff")
            found = json.loads(text, object_pairs_hook=_read_object)
        except (ValueError, RecursionError) as error:
            raise make_table_error(self.path, line, f"no JSON: {_explain(error)}") from error
        if not isinstance(found, dict):
            raise make_table_error(self.path, line, "no JSON object: write one object a line")
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


def _name_all(cells: list[str]) -> tuple[str, ...]:
    names = (cell.strip() for cell in cells)
    return tuple(name or f"{UNNAMED}{i}" for i, name in enumerate(names, start=1))


def _read_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object; of a key that stands twice nobody knows which value counts."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice in an object")
    return found


def _explain(error: BaseException) -> str:
    """Return what is wrong with a table, without the bytes that an error may quote."""
    if isinstance(error, UnicodeDecodeError):
        return f"it is cut off, or not encoded as {error.encoding}"
    if "new-line character seen" in str(error):
        return "its lines end with CR alone: save the table with LF or CRLF"
    return str(error)


def _lines(path: Place, encoding: str = UTF8) -> Iterator[bytes]:
    empty = 0
    read = _READ_LINE.get(encoding, _read_line)
    try:
        with open_binary(path) as stream:
            for number, line in enumerate(iter(lambda: read(stream), b""), start=1):
                if len(line) >= _MAX_LINE:
                    raise make_table_error(path, number, f"a line of {_MAX_LINE} bytes or more")
                empty = 0 if line.strip(_BLANK) else empty + 1
                if empty > _MAX_EMPTY:
                    raise make_table_error(path, number, f"more than {_MAX_EMPTY} empty lines")
                yield line
    except gzip.BadGzipFile:
        raise
    except OSError as error:
        raise ArchiveError(f"cannot read {path}: {sanitize(error.strerror or error)}") from error


def _read_line(stream: IO[bytes]) -> bytes:
    return stream.readline(_MAX_LINE)


def _read_utf16_line(stream: IO[bytes], low_byte: int) -> bytes:
    """Return a line of UTF-16; `low_byte` is the place of a character's low byte: 0 or 1.

    The byte of a line break is also a byte of other characters, such as those of Gurmukhi.
    """
    line = b""
    while len(line) < _MAX_LINE and (piece := stream.readline(_MAX_LINE - len(line))):
        line += piece
        if line[-1:] == b"\n" and (len(line) - 1) % 2 == low_byte:
            line += b"" if low_byte else stream.read(1)
            if line[-1 - low_byte] == 0:
                break
    return line


_READ_LINE = {
    "utf-16-le": partial(_read_utf16_line, low_byte=0),
    "utf-16-be": partial(_read_utf16_line, low_byte=1),
}
