"""Errors of other libraries, and names out of archives, as one printable line.

An error of a decoder quotes what it met, bytes and control codes included, often over many lines.
"""

from __future__ import annotations

import re

_LONGEST = 300  # characters
_QUOTED = re.compile(
    r"<[\w.]+ object at 0x[0-9a-f]+>|\bb'(?:[^'\\]|\\.){0,1000}'|\bb\"(?:[^\"\\]|\\.){0,1000}\""
)


def sanitize(what: object) -> str:
    """Return an error, or a name out of an archive, as printable text of one line."""
    words = " ".join(str(what)[: 4 * _LONGEST].split())
    words = "".join(c if c.isprintable() else "?" for c in _QUOTED.sub("[bytes]", words))
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]} ..."
