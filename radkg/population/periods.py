"""Years and months: their names, and their first and last days."""

from __future__ import annotations

import calendar
from typing import Literal, NamedTuple

from radkg.population.counting import find_months
from radkg.population.population import UNKNOWN_DAY, Population

Unit = Literal["year", "month"]
MOST_MONTHS = 36  # of a population whose months are shown


class Period(NamedTuple):
    """A year, "2014", or a month, "2014-03", with its first and last day in ISO form."""

    period: str
    since: str
    until: str


def choose_unit(population: Population) -> Unit:
    """Return months where all dated studies lie within three years, else years."""
    months = find_months(population)[population.read]
    months = months[months != UNKNOWN_DAY]
    near = len(months) > 0 and months.max() - months.min() < MOST_MONTHS
    return "month" if near else "year"


def make_period(time: int, unit: Unit) -> Period:
    """Return the period of a year, or of a month counted from 1970-01."""
    if unit == "year":
        return Period(f"{time:04d}", f"{time:04d}-01-01", f"{time:04d}-12-31")
    year, month = time // 12 + 1970, time % 12 + 1
    name = f"{year:04d}-{month:02d}"
    return Period(name, f"{name}-01", f"{name}-{calendar.monthrange(year, month)[1]:02d}")
