"""Years and months: their names, and their first and last days."""

from __future__ import annotations

import calendar
from typing import Literal, NamedTuple

from radkg.population.counting import find_months, find_years
from radkg.population.population import UNKNOWN_DAY, Population
from radkg.schema.mentions import Array

Unit = Literal["year", "month"]
MOST_MONTHS = 36  # of a population whose months are shown


class Period(NamedTuple):
    """A year, "2014", or a month, "2014-03", with its first and last day in ISO form."""

    period: str
    since: str
    until: str


def choose_times(population: Population) -> tuple[Unit, Array]:
    """Return months where all dated studies lie within three years, else years, and each study's.

    The time of a study without a date is UNKNOWN_DAY.
    """
    months = find_months(population)
    dated = months[population.read & (months != UNKNOWN_DAY)]
    if len(dated) and dated.max() - dated.min() < MOST_MONTHS:
        return "month", months
    return "year", find_years(population)


def make_period(time: int, unit: Unit) -> Period:
    """Return the period of a year, or of a month counted from 1970-01."""
    if unit == "year":
        return Period(f"{time:04d}", f"{time:04d}-01-01", f"{time:04d}-12-31")
    year, month = time // 12 + 1970, time % 12 + 1
    name = f"{year:04d}-{month:02d}"
    return Period(name, f"{name}-01", f"{name}-{calendar.monthrange(year, month)[1]:02d}")
