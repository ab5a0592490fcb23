"""How a CSV or TSV is written: its encoding and its separator, from its first line alone.

The encoding follows from a byte order mark. The separator is the one by which the header has the
columns that a format needs: a name of a column holds no separator, so two cannot both fit.
"""

from __future__ import annotations

import codecs
import re
import zlib
from collections.abc import Callable

from radkg.archive.files.messages import sanitize
from radkg.archive.files.places import Place
from radkg.archive.files.streams import open_binary
from radkg.archive.formats.rows import UTF8, Delimited
from radkg.errors import ArchiveError

_SEPARATORS = (",", ";", "\t", "|")
_HEAD = 1 << 16  # bytes in which a header is looked for
_MARKS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_UTF32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)  # the first begins as UTF-16 does
_TOLD = re.compile(r'"?sep=(.)"?[ \t]*\r?\n', re.IGNORECASE)  # Excel's line above the header


def open_delimited(
    path: Place, separator: str, has_columns: Callable[[tuple[str, ...]], bool]
) -> Delimited:
    """Return the table by the separator with which it has its columns.

    Args:
        path: the file.
        separator: is tried first, and is that of the table where none fits.
        has_columns: tells whether names of columns are those that a format needs.

    Raises:
        ArchiveError: the file cannot be read, or its encoding is none that radkg reads.
    """
    encoding, head = _read_head(path)
    told = _TOLD.match(head)
    if told and told[1] not in "\"'":
        separator = told[1]
    order = dict.fromkeys((separator, *_SEPARATORS))
    tables = [Delimited(path, one, encoding, int(told is not None)) for one in order]
    return next((table for table in tables if _fits(table, has_columns)), tables[0])


def check_encoding(path: Place) -> None:
    """Raise an error where a file of JSON lines or the like is not UTF-8 by its first bytes.

    Raises:
        ArchiveError: the file cannot be read, or begins as UTF-16 or UTF-32 does.
    """
    encoding, _ = _read_head(path)
    if encoding != UTF8:
        raise ArchiveError(f"{path} is encoded as {encoding.upper()}: save it as UTF-8")


def _read_head(path: Place) -> tuple[str, str]:
    """Return the encoding of a file and its beginning as text."""
    try:
        with open_binary(path) as stream:
            head = stream.read(_HEAD)
    except (OSError, EOFError, zlib.error) as error:
        raise ArchiveError(f"cannot read {path}: {sanitize(error)}: check the file") from error
    if head.startswith(_UTF32):
        raise ArchiveError(f"{path} is encoded as UTF-32: save it as UTF-8")
    encoding = next((name for mark, name in _MARKS.items() if head.startswith(mark)), UTF8)
    if encoding == UTF8 and b"\0" in head.partition(b"\n")[0]:
        raise ArchiveError(
            f"{path} has NUL bytes in its first line, as UTF-16 without a byte order mark has: "
            "save it as UTF-8"
        )
    return encoding, head.decode(encoding, errors="replace").removeprefix("\ufeff")


def _fits(table: Delimited, has_columns: Callable[[tuple[str, ...]], bool]) -> bool:
    try:
        return has_columns(table.columns)
    except ArchiveError:
        return False
