"""Cells of CSV that no spreadsheet takes for a formula, and back.

A spreadsheet computes a cell that begins with one of OWASP's signs ("CSV Injection"): = + - @, a
tab, a line end, or the full-width forms. Where it takes another separator than the comma for the
file's, a piece behind a semicolon, a tab or a line end begins a cell too. An apostrophe in front of
such a beginning makes it text. One that stood there already stays, so that a cell can be read back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

_SIGNS = "=+\\-@\\t\\r\\n\uff1d\uff0b\uff0d\uff20"
_SEPARATORS = ";\\t\\r\\n"
FORMULA = f"(?:^|[{_SEPARATORS}])'*[{_SIGNS}]"
"""finds a text that needs an apostrophe, in the syntax that Python, RE2 and JavaScript share"""
NUMBER = "^-?[0-9]+(?:\\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$"
"""is no formula, though it may begin with a minus"""

_BEGINS = f"(?:^|(?<=[{_SEPARATORS}]))"
_FORMULA, _NUMBER = re.compile(FORMULA), re.compile(NUMBER.replace("$", r"\Z"))
_BEGINNING = re.compile(f"{_BEGINS}(?='*[{_SIGNS}])")
_ESCAPED = re.compile(f"{_BEGINS}'(?='*[{_SIGNS}])")


def escape_cell(text: str) -> str:
    """Return a text as a cell that no spreadsheet computes."""
    if _FORMULA.search(text) is None or _NUMBER.match(text):
        return text
    return _BEGINNING.sub("'", text)


def escape_row(values: Iterable[Any]) -> list[Any]:
    """Return the values of a row, its texts escaped; a number is no text."""
    return [escape_cell(value) if isinstance(value, str) else value for value in values]


def read_cell(cell: str) -> str:
    """Return the text of a cell; inverse of `escape_cell`."""
    return _ESCAPED.sub("", cell)
