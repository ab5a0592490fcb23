"""The forms of identifiers in English reports, out of forms.txt.

A label ("MRN:", "Dictated by") claims what follows it. Without a label a form must stand out by
itself: a date, a telephone number, a title before a capital. Where both are wanting there is
nothing to go by: a bare surname in a sentence is found only behind a frequent given name.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import NamedTuple

_PIECE = re.compile("<([A-Z_]+)>")
_CASE = " (case)"


class Pattern(NamedTuple):
    """A form of one class; the group `it` is the identifier, or else the whole match."""

    name: str
    """of the class"""
    expression: re.Pattern[str]


@cache
def list_patterns() -> tuple[Pattern, ...]:
    """Return the patterns, in the order in which they claim places."""
    names = [name for line in _read_lines("given_names.txt") for name in line.split()]
    pieces = {"GIVEN": "|".join(names), "SHOUTED": "|".join(names).upper()}
    patterns = []
    for line in _read_lines("forms.txt"):
        name, _, text = line.partition(" = ")
        whole = _PIECE.sub(lambda match: pieces[match[1]], text)
        if name.isupper() and name != "URL":
            pieces[name] = whole
        else:
            flags = re.NOFLAG if name.endswith(_CASE) else re.IGNORECASE
            patterns.append(Pattern(name.removesuffix(_CASE), re.compile(whole, flags)))
    return tuple(patterns)


def _read_lines(name: str) -> list[str]:
    text = files("radkg.deid").joinpath(name).read_text("ascii")
    return [line for line in text.splitlines() if line and not line.startswith("#")]
