"""Write the figures that a page begins with: a number, what it counts, and what qualifies it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from radkg.page.markup import escape


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure, as plain text: `value` is short enough to be read from afar."""

    name: str
    value: str
    detail: str = ""
    """the interval, or what the number is of"""


def write_figures(figures: Sequence[Figure], note: str = "") -> str:
    """Return a list of figures in their order and a note; an empty string without figures."""
    if not figures:
        return ""
    items = "\n".join(
        f"<div><dt>{escape(each.name)}</dt><dd>{escape(each.value)}</dd>"
        f'<dd class="detail">{escape(each.detail)}</dd></div>'
        for each in figures
    )
    below = f'\n<p class="note">{escape(note)}</p>' if note else ""
    return f'<dl class="leading">\n{items}\n</dl>{below}'
