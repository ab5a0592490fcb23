"""Identifiers in a text: each place once, of one class."""

from __future__ import annotations

import re
from typing import NamedTuple

from radkg.deid.patterns import list_patterns

_MASKED = re.compile(r"X{2,}|_{2,}|\[\*\*.{0,80}?\*\*\]|\[(?:NAME|DATE|REDACTED|PHI)[^\]]{0,40}\]")


class Identifier(NamedTuple):
    """A place in a text that identifies somebody."""

    name: str
    """of its class, see CLASSES"""
    start: int
    """offset of the first character"""
    end: int
    """offset behind the last character"""


def find_identifiers(text: str) -> list[Identifier]:
    """Return the identifiers of a text, in order; none overlaps another.

    What stands in for something that was removed (XXXX, ___, [** **]) is none.
    """
    masked = [match.span() for match in _MASKED.finditer(text)]
    taken = bytearray(len(text))
    for start, end in masked:
        taken[start:end] = b"\1" * (end - start)
    found = []
    for pattern in list_patterns():
        for match in pattern.expression.finditer(text):
            start, end = match.span("it" if "it" in pattern.expression.groupindex else 0)
            if start < end and not any(taken[start:end]):
                taken[start:end] = b"\1" * (end - start)
                found.append(Identifier(pattern.name, start, end))
    return sorted(found, key=lambda each: each.start)
