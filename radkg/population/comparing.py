"""How much more often a thing is met in a cohort than in the population, with an interval.

The cohort is a part of the population, so the two rates are not independent. With n studies, of
which n1 are of the cohort, n2 have the thing and a have both, the ratio is a n / (n1 n2); it is the
lift of the two. By the delta method on a multinomial sample of the four cells (Agresti, Categorical
Data Analysis, 16.1) the variance of its logarithm is 1/a - 1/n1 - 1/n2 + 2a/(n1 n2) - 1/n. Where
nothing has both, the upper end is that of Poisson's exact interval. Studies of one patient count as
if they were of several: the interval is then too narrow.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any, NamedTuple

from radkg.metrics.prevalence import Z
from radkg.population.counting import (
    count,
    count_present,
    count_times,
    list_greatest,
    list_groups,
)
from radkg.population.periods import Period, choose_times, make_period
from radkg.population.population import PRESENT, UNKNOWN_DAY, Population
from radkg.schema.mentions import Array

LEAST = 5  # studies that the cohort or chance must have for a ratio to be called unusual
NONE_AT_MOST = 3.688879454113936
"""upper end of the 95 % interval of a Poisson mean of which nothing was seen: -log(0.025)"""

Row = dict[str, Any]


class Ratio(NamedTuple):
    """A ratio of two rates with the ends of its 95 % interval."""

    ratio: float
    low: float
    high: float


def compute_ratio(both: int, one: int, other: int, of: int) -> Ratio | None:
    """Return how much more often two things come together than by chance.

    Args:
        both: studies that have both.
        one: studies that have the one.
        other: studies that have the other.
        of: all studies.

    Returns:
        None where there is nothing to compare: no study has the one, or none the other.
    """
    if not one or not other:
        return None
    expected = one * other / of
    if not both:
        return Ratio(0.0, 0.0, NONE_AT_MOST / expected)
    variance = 1 / both - 1 / one - 1 / other + 2 * both / (one * other) - 1 / of
    spread = math.exp(Z * math.sqrt(max(0.0, variance)))  # no less than 0 but for rounding
    ratio = both / expected
    return Ratio(ratio, ratio / spread, ratio * spread)


def compare(both: int, one: int, other: int, of: int) -> Row:
    """Return a row that compares cohort, `one`, and population, `of`, in a thing, `other`."""
    found = compute_ratio(both, one, other, of)
    return {
        "studies": both,
        "of": one,
        "rate": both / one if one else None,
        "all_studies": other,
        "all_of": of,
        "overall": other / of if of else None,
        **(found or Ratio(None, None, None))._asdict(),  # type: ignore[arg-type]
    }


def compare_findings(
    population: Population, studies: Array, limit: int, without: Collection[str]
) -> tuple[list[Row], list[Row]]:
    """Return the findings of a cohort beside the population: the most frequent, the most unusual.

    The unusual ones are those whose interval is furthest from 1.
    """
    of, one = count(population.read), count(studies)
    together, others = count_present(population, studies), population.counts[PRESENT]

    def compare_one(code: int) -> Row:
        numbers = int(together[code]), one, int(others[code]), of
        return {"finding": population.names[code], **compare(*numbers)}

    frequent = [
        compare_one(code) for code, _, _ in list_greatest(population, together, limit, without)
    ]
    judged = (together >= LEAST) | (one * others >= LEAST * of)
    rows = [compare_one(code) for code in judged.nonzero()[0].tolist()]
    rows = [row for row in rows if row["finding"] not in without and measure_distance(row) > 0]
    rows.sort(key=lambda row: (-measure_distance(row), row["finding"]))
    return frequent, rows[:limit]


def measure_distance(row: Row) -> float:
    """Return how far the interval of a row is from 1, as a logarithm; 0 where it holds 1."""
    low, high = row["low"], row["high"]
    if low is None or low <= 1 <= high:
        return 0.0
    return math.log(low) if low > 1 else -math.log(max(high, 1e-9))


def compare_groups(population: Population, studies: Array, width: int = 10) -> dict[str, list[Row]]:
    """Return ages, sexes and views of a cohort beside those of the population."""
    of, one = count(population.read), count(studies)

    def compare_one(which: Array) -> Row:
        return compare(count(which & studies), one, count(which & population.read), of)

    return list_groups(population, width, compare_one)


def compare_times(population: Population, studies: Array) -> Row:
    """Return the periods of a cohort beside those of the population, and its undated studies."""
    unit, times = choose_times(population)
    of, one = count(population.read), count(studies)
    rows = []
    for time, number, all_number in count_times(population, times, studies):
        period: Period = make_period(time, unit)
        rows.append({**period._asdict(), **compare(number, one, all_number, of)})
    undated = count(studies & (times == UNKNOWN_DAY))
    return {"unit": unit, "rows": rows, "undated": undated}
