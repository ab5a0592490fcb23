"""Choose and draw the chart that fits the columns of a table.

The first that fits is drawn: columns over time where the first column is a year, month or date;
stacked bars where columns are named present, uncertain and absent; figures where the only row has
no text; bars of the rate with its "n of N", or else of the first number. A table without a number
gets no chart, and neither does a list of single things: a table with an id or many columns of text.
"""

from __future__ import annotations

from collections.abc import Sequence

from radkg.page.bars import POLARITIES, Bar, draw_bars, draw_stacks
from radkg.page.markup import escape, format_cell, is_number
from radkg.page.measure import (
    Measure,
    Rows,
    choose_measure,
    choose_names,
    find_number_columns,
    format_in_column,
    get_number,
    is_list,
    join_ranges,
    name_row,
    parse_time,
    split_name,
)
from radkg.page.trend import Point, draw_trend
from radkg.page.words import name_column
from radkg.schema.answer import Cell

MAX_BARS = 15
MAX_SERIES = 6


def draw_chart(
    columns: Sequence[str], rows: Rows, wanted: str = "", max_bars: int = MAX_BARS
) -> str:
    """Return the chart as HTML, or an empty string where there is nothing to draw.

    Args:
        columns: the names of the columns.
        rows: each as long as `columns`.
        wanted: the column to draw, where there is a better one than the first rate.
        max_bars: the number of rows that bars show; the table has the others.
    """
    columns, rows = join_ranges(columns, rows)
    numbers = find_number_columns(columns, rows)
    texts = [i for i in range(len(columns)) if i not in numbers]
    if not numbers or is_list(columns, numbers):
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
    named = choose_names(columns, rows, texts)
    names = [name_row(columns, row, named) for row in rows[:max_bars]]
    rest = _rest(len(rows), max_bars, "rows")
    stacks = {
        polarity: i
        for polarity in POLARITIES
        for i in numbers
        if polarity in split_name(columns[i])
    }
    if len(stacks) > 1:
        parts = [{polarity: get_number(row[i]) for polarity, i in stacks.items()} for row in rows]
        return draw_stacks(names, parts[:max_bars]) + _note(rest)
    measure = choose_measure(columns, rows, numbers, wanted)
    total = measure.find_total(rows)
    bars = [
        Bar(
            *(
                name,
                get_number(row[measure.column]),
                measure.format_value(row),
                measure.format_counts(row) if total is None else measure.format_count(row),
            ),
            measure.get_interval(row),
        )
        for name, row in zip(names, rows, strict=False)
    ]
    legend = _legend(any(bar.interval for bar in bars))
    of = "" if total is None else f" and number out of {format_cell(total)}"
    note = f"Bars: {escape(name_column(columns[measure.column]))}{of}."
    return legend + draw_bars(bars) + _note(note, rest)


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
            series.setdefault(name_row(columns, row, texts), []).append(point)
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
    legend = _legend(any(point.interval for point in points))
    drawn_as = name_column(columns[measure.column]).capitalize()
    note = f"{escape(drawn_as)} by {escape(name_column(columns[0]))}."
    return legend + "".join(charts) + _note(note, _rest(len(series), MAX_SERIES, "series"))


def _figures(columns: Sequence[str], row: Sequence[Cell], measure: Measure) -> str:
    values = (
        measure.format_value(row) if i == measure.column else format_cell(row[i])
        for i in range(len(columns))
    )
    figures = "".join(
        f"<div><dt>{escape(name_column(column))}</dt><dd>{value}</dd></div>"
        for column, value in zip(columns, values, strict=True)
    )
    return f'<dl class="figures">{figures}</dl>'


def _legend(has_intervals: bool) -> str:
    """Return what bar, mark and line stand for, where a chart has all of them."""
    if not has_intervals:
        return ""
    return (
        '<p class="keys"><span><span class="key read"></span>as read</span> '
        '<span><span class="key between"></span>corrected, with its 95&nbsp;% interval</span></p>\n'
    )


def _rest(count: int, limit: int, noun: str) -> str:
    return f"The first {limit} of {count:,} {noun}; the table has all." if count > limit else ""


def _note(*sentences: str) -> str:
    text = " ".join(filter(None, sentences))
    return f'<p class="note">{text}</p>' if text else ""
