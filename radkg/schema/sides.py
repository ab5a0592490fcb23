"""The side that a single word says beside its site: RLL is the right lower lobe.

Such a word is one mention, named by its site. Its side is a property of the finding that lies
there.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Literal

Side = Literal["left", "right", "bilateral"]

# R or L before the letters of a site: lobe, zone, quadrant, internal jugular
_ABBREVIATED = re.compile(r"(?P<side>[rl])(?:[ulm]\.?[lz]|uq|ij)")
_PREFIXED = re.compile(
    r"(?P<bilateral>bi(?=apic|bas|hilar))|(?P<right>dextro(?=scol|curv|conv))"
    r"|(?P<left>levo(?=scol|curv|conv))"
)


@cache
def read_side(text: str) -> Side | None:
    """Return the side that a mention's text implies; None where it implies none.

    "left" itself implies none: the word is a mention of its own.
    """
    lower = text.lower()
    if found := _ABBREVIATED.fullmatch(lower):
        return "right" if found["side"] == "r" else "left"
    if found := _PREFIXED.match(lower):
        return found.lastgroup  # type: ignore[return-value]
    return None
