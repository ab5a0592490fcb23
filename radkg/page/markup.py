"""Turn any text into characters that are safe and visible in HTML text and attributes.

Everything that comes from an archive or a graph passes through `escape`; nothing else in this
package writes such text into the page.
"""

from __future__ import annotations

import html
import math
import re

# What HTML cannot carry (controls, lone surrogates, noncharacters) or what would reorder the words
# around it (bidirectional embeddings, overrides and isolates): shown as U+FFFD, never dropped.
_UNSHOWABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


def escape(text: str) -> str:
    """Return `text` with markup escaped, quotes too, and unshowable characters as U+FFFD."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return html.escape(_UNSHOWABLE.sub("\ufffd", lines), quote=True)


def is_number(cell: object) -> bool:
    """Return whether `cell` is a finite number; True and False are none."""
    return isinstance(cell, int | float) and not isinstance(cell, bool) and math.isfinite(cell)


def format_cell(cell: object) -> str:
    """Return `cell` formatted for people (1,234; 0.1235; 2014-03-01; a dash for None), escaped."""
    if cell is None or (isinstance(cell, float) and not math.isfinite(cell)):
        return "&ndash;"
    if isinstance(cell, float):
        return f"{cell:,.0f}" if abs(cell) >= 1e4 else f"{cell:.4g}"
    if isinstance(cell, int) and not isinstance(cell, bool):
        return f"{cell:,}"
    return escape(str(cell))


def format_percent(share: float) -> str:
    """Return a share in [0, 1] as a percentage of three digits: 12.3 %, 0.042 %, 100 %."""
    return f"{100 * share:.3g}&nbsp;%"
