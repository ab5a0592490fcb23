"""Draw horizontal bars in HTML: one number for each row, or three polarities stacked.

Lengths are percentages of the track, so that the page scales without a script.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from radkg.page.markup import format_cell
from radkg.page.measure import Interval

POLARITIES = {"present": "obs-dp", "uncertain": "obs-u", "absent": "obs-da"}
"""Column name -> CSS class of the label with the same colour."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of a chart; its texts are HTML, already escaped."""

    name: str
    value: float
    shown: str
    detail: str = ""
    interval: Interval | None = None
    """low, value and high of the corrected value"""


def draw_bars(bars: Sequence[Bar]) -> str:
    """Return a list of bars from a common zero; the widest range of values fills the track."""
    ends = [bar.value for bar in bars] + [bar.interval[2] for bar in bars if bar.interval]
    low = min(0.0, *ends)
    span = max(0.0, *ends) - low or 1.0
    items = "\n".join(
        f'<li><span class="name">{bar.name}</span><span class="track">'
        f'<span class="bar" style="left:{_percent(min(bar.value, 0.0) - low, span)};'
        f'width:{_percent(abs(bar.value), span)}"></span>{_interval(bar, low, span)}</span>'
        f'<span class="value">{bar.shown} <small>{bar.detail}</small></span></li>'
        for bar in bars
    )
    return f'<ol class="bars">\n{items}\n</ol>\n'


def _interval(bar: Bar, low: float, span: float) -> str:
    """Return a line over the interval of a bar, and a mark at its value."""
    if bar.interval is None:
        return ""
    least, value, most = bar.interval
    return (
        f'<span class="interval" style="left:{_percent(least - low, span)};'
        f'width:{_percent(most - least, span)}"></span>'
        f'<span class="corrected" style="left:{_percent(value - low, span)}"></span>'
    )


def draw_stacks(names: Sequence[str], parts: Sequence[Mapping[str, float]]) -> str:
    """Return a list of stacked bars and their legend; the largest total fills the track.

    Args:
        names: the name of each row, already escaped.
        parts: the counts of each row, 0 or more, by name of POLARITIES.
    """
    most = max(sum(row.values()) for row in parts) or 1.0
    items = []
    for name, row in zip(names, parts, strict=True):
        left, pieces = 0.0, []
        for polarity, count in row.items():
            pieces.append(
                f'<span class="bar {POLARITIES[polarity]}" style="left:{_percent(left, most)};'
                f'width:{_percent(count, most)}"></span>'
            )
            left += count
        counts = " / ".join(format_cell(int(c) if c.is_integer() else c) for c in row.values())
        items.append(
            f'<li><span class="name">{name}</span><span class="track">{"".join(pieces)}</span>'
            f'<span class="value">{counts}</span></li>'
        )
    keys = " / ".join(
        f'<span><span class="key {POLARITIES[polarity]}"></span>{polarity}</span>'
        for polarity in parts[0]
    )
    rows = "\n".join(items)
    return f'<p class="keys">{keys}</p>\n<ol class="bars stacked">\n{rows}\n</ol>\n'


def _percent(part: float, total: float) -> str:
    return f"{100 * part / total:.3f}%"
