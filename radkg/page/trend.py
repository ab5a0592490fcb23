"""Draw columns over time in SVG: true distances in time, so that a missing period is a gap.

Every coordinate is a percentage of the drawing; text keeps its size at any width.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from radkg.page.markup import format_cell, format_percent
from radkg.page.measure import Interval

MAX_TICKS = 4


@dataclass(frozen=True, slots=True)
class Point:
    """One period: `time` in years, `label` and `shown` as HTML, already escaped."""

    time: float
    label: str
    value: float
    shown: str
    interval: Interval | None = None
    """low, value and high of the corrected value"""


def draw_trend(name: str, points: Sequence[Point], top: float, is_rate: bool) -> str:
    """Return a `<figure>` with one column for each period.

    Args:
        name: caption, already escaped; may be empty.
        points: at least one, in order of time.
        top: the largest value that must fit; the axis ends at a round number above it.
        is_rate: whether the axis is in percent.
    """
    top = _round_up(top)
    gap = min((b.time - a.time for a, b in pairwise(points) if b.time > a.time), default=1.0)
    span = points[-1].time - points[0].time + gap
    width = max(80 * gap / span, 0.2)
    columns, ticks = [], []
    every = math.ceil(len(points) / MAX_TICKS)
    for i, point in enumerate(points):
        middle = 100 * (point.time - points[0].time + gap / 2) / span
        height = 100 * max(point.value, 0.0) / top
        columns.append(
            f'<rect class="bar" x="{middle - width / 2:.3f}%" width="{width:.3f}%"'
            f' y="{100 - height:.3f}%" height="{height:.3f}%">'
            f"<title>{point.label}: {point.shown}</title></rect>"
        )
        if point.interval is not None:
            low, corrected, high = (f"{100 - 100 * each / top:.3f}%" for each in point.interval)
            x = f'x1="{middle:.3f}%" x2="{middle:.3f}%"'
            columns.append(
                f'<line class="interval" {x} y1="{low}" y2="{high}"/>'
                f'<circle class="corrected" cx="{middle:.3f}%" cy="{corrected}" r="3"/>'
            )
        if i % every == 0:
            ticks.append(f'<text x="{middle:.3f}%" y="100%" dy="18">{point.label}</text>')
    grid = []
    for value in (0.0, top / 2, top):
        y = f"{100 - 100 * value / top:.0f}%"
        label = format_percent(value) if is_rate else format_cell(value)
        grid.append(
            f'<line x1="0" x2="100%" y1="{y}" y2="{y}"/><text x="-8" y="{y}" dy="4">{label}</text>'
        )
    caption = f"<figcaption>{name}</figcaption>" if name else ""
    drawn, lines, labels = "\n".join(columns), "".join(grid), "".join(ticks)
    return f"""<figure class="trend">{caption}<div class="plot">
<svg role="img" aria-label="{name or "trend"}">
<g class="grid">{lines}</g>
<g class="times">{labels}</g>
{drawn}
</svg></div></figure>
"""


def _round_up(value: float) -> float:
    """Return the smallest of 1, 2, 5 times a power of ten that is not below `value`."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(
        step * power for step in (1.0, 2.0, 5.0, 10.0) if value <= step * power * (1 + 1e-9)
    )
