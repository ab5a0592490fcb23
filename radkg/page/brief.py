"""Say an answer in a few words, to stand beside a question that is closed."""

from __future__ import annotations

from collections.abc import Sequence

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
)
from radkg.page.order import Spoken
from radkg.page.words import count_things, name_column
from radkg.schema.answer import Answer, Cell

NAMED = 2  # rows that are named beside a question
MAX_NAME = 30  # characters of such a name


def say_briefly(answer: Answer, spoken: Spoken) -> str:
    """Return the answer in a few words, as HTML; of an empty one what that means."""
    if is_empty(answer):
        return escape(spoken.empty)
    columns, rows = join_ranges(answer.columns, answer.rows)
    numbers = find_number_columns(columns, rows)
    texts = [i for i in range(len(columns)) if i not in numbers]
    if not numbers or is_list(columns, numbers):
        return _say_count(answer)
    measure = choose_measure(columns, rows, numbers, spoken.measure)
    if not texts:
        value = f"<b>{_say_value(columns, rows[0], measure)}</b>"
        return ", ".join(filter(None, (value, measure.format_counts(rows[0]))))
    is_trend = all(parse_time(columns[0], row[0]) is not None for row in rows)
    texts = [0] if is_trend else choose_names(columns, rows, texts)
    ranked = [row for row in rows if is_number(row[measure.column])]
    if not any(get_number(row[measure.column]) for row in ranked):
        return escape(spoken.empty)
    rank = measure.counts[1] if spoken.form == "groups" and measure.counts else measure.column
    if spoken.form == "last":
        ranked = ranked[-NAMED:]
    elif spoken.form != "first":
        ranked.sort(key=lambda row: -get_number(row[rank]))
    if spoken.form == "spread" and len(ranked) > 1:
        least, most = ranked[-1], ranked[0]
        return " to ".join(_say_row(columns, row, texts, measure) for row in (least, most))
    return ", ".join(_say_row(columns, row, texts, measure) for row in ranked[:NAMED])


def is_empty(answer: Answer) -> bool:
    """Return whether an answer says nothing: no rows, or one of zeros and gaps."""
    rows = answer.rows
    return not rows or (len(rows) == 1 and all(cell is None or cell == 0 for cell in rows[0]))


def _say_row(columns: Sequence[str], row: Sequence[Cell], texts: list[int], of: Measure) -> str:
    names = [format_in_column(columns[i], row[i]) for i in texts]
    name = name_row(columns, row, texts)
    if sum(map(len, names)) > MAX_NAME:
        name = names[0]
    return f"{name} <b>{_say_value(columns, row, of)}</b>"


def _say_value(columns: Sequence[str], row: Sequence[Cell], of: Measure) -> str:
    column = columns[of.column]
    value = of.format_value(row)
    if of.is_rate:
        return value
    if column == "lift":
        return f"{value}&nbsp;times"
    return f"{value}&nbsp;{escape(name_column(column))}"


def _say_count(answer: Answer) -> str:
    columns: list[str] = list(answer.columns)
    rows: Rows = answer.rows
    number, noun = count_things(columns, [list(row) for row in rows])
    is_cut = len(rows) == answer.parameters.get("limit")
    return f"<b>{format_cell(number)}</b> {noun}{' or more' if is_cut else ''}"
