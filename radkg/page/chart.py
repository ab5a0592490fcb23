"""Choose and draw the chart that fits the columns of a table.

The first that fits is drawn: columns over time where the first column is a year, month or date;
stacked bars where columns are named present, uncertain and absent; figures where the only row has
no text; bars of the rate with its "n of N", or else of the first number. A table without a number
gets no chart, and neither does a list of single things: a table with an id or many columns of text.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from radkg.page.bars import POLARITIES, Bar, draw_bars, draw_stacks
from radkg.page.markup import escape, format_cell, is_number
from radkg.page.measure import (
    Measure,
    Rows,
    choose_measure,
    find_number_columns,
    format_in_column,
    get_number,
    parse_time,
    split_name,
)
from radkg.page.trend import Point, draw_trend
from radkg.schema.answer import Cell

MAX_BARS = 15
MAX_SERIES = 6
MAX_TEXTS = 3
_CORRECTED = " Line and mark: the corrected rate and its 95 % interval."


def draw_chart(columns: Sequence[str], rows: Rows) -> str:
    """Return the chart as HTML, or an empty string where there is nothing to draw."""
    numbers = find_number_columns(columns, rows)
    texts = [i for i in range(len(columns)) if i not in numbers]
    has_id = any(split_name(column)[-1:] == ["id"] for column in columns)
    if not numbers or has_id or len(texts) > MAX_TEXTS:
        return ""
    times = {parse_time(columns[0], row[0]) for row in rows}
    if None not in times and len(times) > 1:
        return _over_time(columns, rows, texts[1:], numbers)
    if len(rows) == 1 and not texts:
        return _figures(columns, rows[0], choose_measure(columns, rows, numbers))
    if not texts:
        texts, numbers = numbers[:1], numbers[1:]
    if not numbers:
        return ""
    named = [i for i in texts if not any(isinstance(row[i], date) for row in rows)] or texts
    names = [_name(columns, row, named) for row in rows[:MAX_BARS]]
    rest = _rest(len(rows), MAX_BARS, "rows")
    stacks = {
        polarity: i
        for polarity in POLARITIES
        for i in numbers
        if polarity in split_name(columns[i])
    }
    if len(stacks) > 1:
        parts = [{polarity: get_number(row[i]) for polarity, i in stacks.items()} for row in rows]
        return draw_stacks(names, parts[:MAX_BARS]) + rest
    measure = choose_measure(columns, rows, numbers)
    bars = [
        Bar(
            *(
                name,
                get_number(row[measure.column]),
                measure.format_value(row),
                measure.format_counts(row),
            ),
            measure.get_interval(row),
        )
        for name, row in zip(names, rows, strict=False)
    ]
    corrected = _CORRECTED if any(bar.interval for bar in bars) else ""
    note = f'<p class="note">Bars: {escape(columns[measure.column])}, from 0.{corrected}</p>'
    return draw_bars(bars) + note + rest


def _over_time(
    columns: Sequence[str], rows: Rows, texts: Sequence[int], numbers: Sequence[int]
) -> str:
    """Draw one chart for each combination of the `texts` columns, all to one scale."""
    measure = choose_measure(columns, rows, numbers)
    series: dict[str, list[Point]] = {}
    for row in rows:
        time = parse_time(columns[0], row[0])
        if time is not None and is_number(row[measure.column]):
            value = " ".join(filter(None, (measure.format_value(row), measure.format_counts(row))))
            label = format_in_column(columns[0], row[0])
            interval = measure.get_interval(row)
            point = Point(time, label, get_number(row[measure.column]), value, interval)
            series.setdefault(_name(columns, row, texts), []).append(point)
    if max(map(len, series.values())) == 1:
        return ""  # single dates, not a trend
    drawn = list(series.items())[:MAX_SERIES]
    points = [point for _, points in drawn for point in points]
    top = max(point.interval[2] if point.interval else point.value for point in points)
    top = max(top, *(point.value for point in points))
    charts = [
        draw_trend(name, sorted(points, key=lambda p: p.time), top, measure.is_rate)
        for name, points in drawn
    ]
    corrected = _CORRECTED if any(point.interval for point in points) else ""
    note = f"{escape(columns[measure.column])} by {escape(columns[0])}.{corrected}"
    rest = _rest(len(series), MAX_SERIES, "series")
    return f'{"".join(charts)}<p class="note">{note}</p>{rest}'


def _figures(columns: Sequence[str], row: Sequence[Cell], measure: Measure) -> str:
    values = (
        measure.format_value(row) if i == measure.column else format_cell(row[i])
        for i in range(len(columns))
    )
    figures = "".join(
        f"<div><dt>{escape(column)}</dt><dd>{value}</dd></div>"
        for column, value in zip(columns, values, strict=True)
    )
    return f'<dl class="figures">{figures}</dl>'


def _name(columns: Sequence[str], row: Sequence[Cell], texts: Sequence[int]) -> str:
    return " &middot; ".join(format_in_column(columns[i], row[i]) for i in texts)


def _rest(count: int, limit: int, noun: str) -> str:
    if count <= limit:
        return ""
    return f'<p class="note">The first {limit} of {count:,} {noun}; the table has all.</p>'
