"""Find out what the columns of a table are: names, numbers, a rate with its counts, a time.

Only the names and values of the columns decide; no query has rules of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from radkg.page.markup import format_cell, format_percent, is_number
from radkg.page.words import SHARES, name_cell
from radkg.schema.answer import Cell

Rows = Sequence[Sequence[Cell]]
Interval = tuple[float, float, float]
"""low, value, high"""

_RATE_WORDS = {"share", "rate", "prevalence", "proportion", "fraction"}
_TIME_WORDS = {"year", "quarter", "month", "week", "day", "date", "period"}
MAX_TEXTS = 3
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
        """Return the number of a row, formatted for people; fractions have three digits."""
        cell = row[self.column]
        if self.is_rate and is_number(cell):
            return format_percent(get_number(cell))
        is_short = isinstance(cell, float) and abs(cell) < 1000
        return f"{cell:.3g}" if is_short and is_number(cell) else format_cell(cell)

    def format_counts(self, row: Sequence[Cell]) -> str:
        """Return "n of N", or an empty string where the number has no denominator."""
        return " of ".join(format_cell(row[i]) for i in self.counts or ())

    def format_count(self, row: Sequence[Cell]) -> str:
        """Return "n" alone, for rows that share one denominator."""
        return format_cell(row[self.counts[0]]) if self.counts else ""

    def find_total(self, rows: Rows) -> Cell:
        """Return the one denominator of two rows or more; None where there are several or none."""
        totals = {row[self.counts[1]] for row in rows} if self.counts else set()
        return totals.pop() if len(totals) == 1 and len(rows) > 1 else None


def find_number_columns(columns: Sequence[str], rows: Rows) -> list[int]:
    """Return the columns of numbers and gaps (None, NaN); ids and years are names, not numbers."""
    return [
        i
        for i, column in enumerate(columns)
        if split_name(column)[-1:] != ["id"]
        and any(is_number(row[i]) and parse_time(column, row[i]) is None for row in rows)
        and all(row[i] is None or is_number(row[i]) or row[i] != row[i] for row in rows)
    ]


def is_list(columns: Sequence[str], numbers: Sequence[int]) -> bool:
    """Return whether the rows are single things: they have an id, or many columns of text."""
    has_id = any(split_name(column)[-1:] == ["id"] for column in columns)
    return has_id or len(columns) - len(numbers) > MAX_TEXTS


def join_ranges(columns: Sequence[str], rows: Rows) -> tuple[list[str], list[list[Cell]]]:
    """Return the table with one column of text, 20-29, where two first ones are named from and to.

    A range without ends is unknown.
    """
    kept = [list(row) for row in rows]
    if len(columns) < 2 or [split_name(c)[-1:] for c in columns[:2]] != [["from"], ["to"]]:
        return list(columns), kept
    name = columns[0].removesuffix("_from")
    ranges = ("unknown" if row[0] is None else f"{row[0]}\u2013{row[1]}" for row in kept)
    joined = [[text, *row[2:]] for text, row in zip(ranges, kept, strict=True)]
    return [name, *columns[2:]], joined


def choose_measure(
    columns: Sequence[str], rows: Rows, numbers: Sequence[int], wanted: str = ""
) -> Measure:
    """Return the column of `numbers`, at least one, to draw: the first rate, else the first column.

    Where `wanted` is the name of one of them, that one is drawn. A rate lies in [0, 1] and has a
    name of a rate, or is the quotient of two columns of counts. Its interval comes from the columns
    corrected, low and high, where the table has them.
    """
    place = {column: i for i, column in enumerate(columns)}
    if place.get(wanted) in numbers:
        return Measure(place[wanted], is_rate=False, counts=None)
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
    """Return a cell in the words of a reader, as HTML.

    A year is 2014 and not 2,014, a share is 12.3 %, and a label is what it means.
    """
    if isinstance(cell, int) and parse_time(column, cell) is not None:
        return str(cell)
    if column in SHARES and isinstance(cell, float) and 0.0 <= cell <= 1.0:
        return format_percent(cell)
    return format_cell(name_cell(column, cell))


def choose_names(columns: Sequence[str], rows: Rows, texts: Sequence[int]) -> list[int]:
    """Return those of the columns `texts` that tell the rows apart, without dates beside a name.

    What is the same in all of several rows names none of them.
    """
    undated = [i for i in texts if not any(isinstance(row[i], date) for row in rows)] or list(texts)
    differing = [i for i in undated if len({row[i] for row in rows}) > 1]
    return differing if len(rows) > 1 and differing else undated


def name_row(columns: Sequence[str], row: Sequence[Cell], texts: Sequence[int]) -> str:
    """Return the name of a row, from its cells in the columns `texts`, as HTML."""
    return " &middot; ".join(format_in_column(columns[i], row[i]) for i in texts)


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
