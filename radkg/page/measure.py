"""Find out what the columns of a table are: names, numbers, a rate with its counts, a time.

Only the names and values of the columns decide; no query has rules of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from radkg.page.markup import format_cell, format_percent, is_number
from radkg.schema.answer import Cell

Rows = Sequence[Sequence[Cell]]
Interval = tuple[float, float, float]
"""low, value, high"""

_RATE_WORDS = {"share", "rate", "prevalence", "proportion", "fraction"}
_TIME_WORDS = {"year", "quarter", "month", "week", "day", "date", "period"}
_TIME = re.compile(r"(\d{4})(?:-Q([1-4])|-(\d\d)(?:-(\d\d))?)?")


@dataclass(frozen=True, slots=True)
class Measure:
    """The column that a chart draws; `counts` are the columns n and N where it is n / N."""

    column: int
    is_rate: bool
    counts: tuple[int, int] | None
    corrected: tuple[int, int, int] | None = None
    """of a rate: the columns of its corrected value, of the lower and of the upper bound"""

    def get_interval(self, row: Sequence[Cell]) -> Interval | None:
        """Return low, corrected and high of a row; None where one of them is missing."""
        cells = [row[i] for i in self.corrected or ()]
        if not cells or not all(map(is_number, cells)):
            return None
        corrected, low, high = map(get_number, cells)
        return low, corrected, high

    def format_value(self, row: Sequence[Cell]) -> str:
        """Return the number of a row, formatted for people."""
        cell = row[self.column]
        return (
            format_percent(get_number(cell))
            if self.is_rate and is_number(cell)
            else format_cell(cell)
        )

    def format_counts(self, row: Sequence[Cell]) -> str:
        """Return "n of N", or an empty string where the number has no denominator."""
        return " of ".join(format_cell(row[i]) for i in self.counts or ())


def find_number_columns(columns: Sequence[str], rows: Rows) -> list[int]:
    """Return the columns of numbers and gaps (None, NaN); ids and years are names, not numbers."""
    return [
        i
        for i, column in enumerate(columns)
        if split_name(column)[-1:] != ["id"]
        and any(is_number(row[i]) and parse_time(column, row[i]) is None for row in rows)
        and all(row[i] is None or is_number(row[i]) or row[i] != row[i] for row in rows)
    ]


def choose_measure(columns: Sequence[str], rows: Rows, numbers: Sequence[int]) -> Measure:
    """Return the column of `numbers`, at least one, to draw: the first rate, else the first column.

    A rate lies in [0, 1] and has a name of a rate, or is the quotient of two columns of counts. Its
    interval comes from the columns corrected, low and high, where the table has them.
    """
    place = {column: i for i, column in enumerate(columns)}
    corrected = None
    if place.keys() >= {"corrected", "low", "high"}:
        corrected = place["corrected"], place["low"], place["high"]
    for i in numbers:
        if all(0.0 <= get_number(row[i]) <= 1.0 for row in rows):
            counts = _counts_of(rows, i, numbers)
            is_quotient = counts is not None and any(isinstance(row[i], float) for row in rows)
            if is_quotient or _RATE_WORDS & set(split_name(columns[i])):
                return Measure(i, is_rate=True, counts=counts, corrected=corrected)
    return Measure(numbers[0], is_rate=False, counts=None)


def parse_time(column: str, cell: Cell) -> float | None:
    """Return a date, year, quarter or month as years since year 0; None for any other cell."""
    if not _TIME_WORDS & set(split_name(column)):
        return None
    if isinstance(cell, date):
        return _years(cell.year, cell.month, cell.day)
    match = _TIME.fullmatch(str(cell))
    if match is None:
        return None
    year, quarter, month, day = (int(group or 0) for group in match.groups())
    return _years(year, month or 3 * quarter - 2 if quarter or month else 1, day or 1)


def format_in_column(column: str, cell: Cell) -> str:
    """Return a cell as `format_cell` does, but a year as 2014 and not as 2,014."""
    return (
        str(cell)
        if isinstance(cell, int) and parse_time(column, cell) is not None
        else format_cell(cell)
    )


def get_number(cell: Cell) -> float:
    """Return the number in a cell, 0.0 for a gap."""
    return float(cell) if isinstance(cell, int | float) and is_number(cell) else 0.0


def split_name(column: str) -> list[str]:
    """Return the words of a column's name: ["share", "present"] of "share_present"."""
    return re.findall("[a-z]+", column.lower())


def _years(year: int, month: int, day: int) -> float:
    """Months are equally long here, so that columns over time stand evenly."""
    return year + (month - 1) / 12 + (day - 1) / 372


def _counts_of(rows: Rows, rate: int, numbers: Sequence[int]) -> tuple[int, int] | None:
    """Return the two columns of counts whose quotient fits the rate best, if any does."""
    counts = [i for i in numbers if all(isinstance(row[i], int) for row in rows)]
    fits = [
        (
            max(
                abs(get_number(row[n]) / get_number(row[total]) - get_number(row[rate]))
                for row in rows
            ),
            n,
            total,
        )
        for n in counts
        for total in counts
        if n != total and all(get_number(row[total]) > 0 for row in rows)
    ]
    # A rate rounded to two digits is off by 0.005 at most.
    return min(fits)[1:] if fits and min(fits)[0] < 0.0051 else None
