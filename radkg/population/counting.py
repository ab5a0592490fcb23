"""Numbers of studies, of the whole population or of a cohort: by finding, age, sex, view and time.

The groups are those of the named queries: an age of 90 stands for all who are older and is a group
of its own, what is unknown comes last, and a study counts for each of its views.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import date
from typing import Any, NamedTuple

import numpy as np

from radkg.population.population import UNKNOWN, UNKNOWN_DAY, Population
from radkg.population.postings import Postings
from radkg.schema.mentions import Array
from radkg.schema.records import OLDEST, SEXES

UNKNOWN_NAME = "unknown"


class AgeGroup(NamedTuple):
    """Ages from and to, inclusive; None and None: unknown; 90 and None: 90 and older."""

    age_from: int | None
    age_to: int | None


def count(studies: Array) -> int:
    """Return how many of some bools are True."""
    return int(np.count_nonzero(studies))


def count_named(population: Population, rows: Postings, studies: Array | None = None) -> Array:
    """Return for each concept in how many studies it is the `other` of the rows.

    Args:
        population: whose rows they are.
        rows: of one concept, each study once with each other.
        studies: one bool a study: which count; None: all that are not retracted.
    """
    counted = (population.visible if studies is None else studies)[rows.study]
    found: Array = np.bincount(rows["other"][counted], minlength=len(population.names))
    return found


def count_present(population: Population, studies: Array) -> Array:
    """Return for each concept in how many of some studies, one bool each, it is present."""
    present = population.present
    return present.count_each(studies[present.study])


def list_greatest(
    population: Population,
    numbers: Array,
    limit: int,
    without: Collection[str] = (),
    least: int = 1,
) -> list[tuple[int, str, int]]:
    """Return place, name and number of the concepts with the greatest numbers, ties by name."""
    order = np.argsort(-numbers, kind="stable")  # the names are sorted
    found: list[tuple[int, str, int]] = []
    for code in order[: limit + len(without)].tolist():
        number, name = int(numbers[code]), population.names[code]
        if number < least or len(found) == limit:
            break
        if name not in without:
            found.append((code, name, number))
    return found


def group_ages(population: Population, width: int) -> Iterator[tuple[AgeGroup, Array]]:
    """Yield the groups of ages that read studies have, each with its studies, one bool each."""
    width = max(1, width)
    age = population.age
    least = np.where(age == UNKNOWN, UNKNOWN, np.where(age < OLDEST, age // width * width, OLDEST))
    found = np.unique(least[population.read]).tolist()
    for start in sorted(found, key=lambda each: (each == UNKNOWN, each)):
        if start == UNKNOWN:
            group = AgeGroup(None, None)
        elif start == OLDEST:
            group = AgeGroup(OLDEST, None)
        else:
            group = AgeGroup(start, min(start + width, OLDEST) - 1)
        yield group, least == start


def group_sexes(population: Population) -> Iterator[tuple[str, Array]]:
    """Yield the sexes that read studies have, sorted by name."""
    names = dict(enumerate(SEXES)) | {UNKNOWN: UNKNOWN_NAME}
    found = np.unique(population.sex[population.read]).tolist()
    for code in sorted(found, key=lambda each: names[each]):
        yield names[code], population.sex == code


def group_views(population: Population) -> Iterator[tuple[str, Array]]:
    """Yield the view positions that read studies have, sorted by name."""
    groups = dict(population.views)
    unknown = ~np.any([np.zeros(len(population), np.bool_), *groups.values()], axis=0)
    groups[UNKNOWN_NAME] = unknown | groups.get(UNKNOWN_NAME, np.False_)
    for view in sorted(groups):
        if (groups[view] & population.read).any():
            yield view, groups[view]


def list_groups(
    population: Population, width: int, make: Callable[[Array], dict[str, Any]]
) -> dict[str, list[dict[str, Any]]]:
    """Return a row for each age, sex and view that read studies have: its name, and what is made.

    Args:
        population: whose studies are grouped.
        width: years of a group of ages.
        make: makes the rest of a row from the studies of its group, one bool each.
    """
    ages = ((group._asdict(), which) for group, which in group_ages(population, width))
    sexes = (({"sex": sex}, which) for sex, which in group_sexes(population))
    views = (({"view": view}, which) for view, which in group_views(population))
    return {
        kind: [{**named, **make(which)} for named, which in groups]
        for kind, groups in (("ages", ages), ("sexes", sexes), ("views", views))
    }


def find_months(population: Population) -> Array:
    """Return the month of each study as months since 1970-01; UNKNOWN_DAY where it has no date."""
    dated = population.day != UNKNOWN_DAY
    days = np.where(dated, population.day, 0).astype("datetime64[D]")
    months = days.astype("datetime64[M]").astype(np.int32)
    found: Array = np.where(dated, months, UNKNOWN_DAY)
    return found


def find_years(population: Population) -> Array:
    """Return the year of each study; UNKNOWN_DAY where it has no date."""
    months = find_months(population)
    found: Array = np.where(months == UNKNOWN_DAY, UNKNOWN_DAY, months // 12 + 1970)
    return found


def count_times(
    population: Population, times: Array, studies: Array
) -> Iterator[tuple[int, int, int]]:
    """Yield each time that read studies have, and of how many of some and of all studies it is.

    Args:
        population: whose studies are counted.
        times: of each study; UNKNOWN_DAY where it has no date.
        studies: one bool a study.
    """
    dated = population.read & (times != UNKNOWN_DAY)
    found, of = np.unique(times[dated], return_counts=True)
    place = np.searchsorted(found, times[dated & studies])
    numbers = np.bincount(place, minlength=len(found))
    yield from zip(found.tolist(), numbers.tolist(), of.tolist(), strict=True)


def get_date(population: Population, study: int) -> date | None:
    """Return the date of a study."""
    day = int(population.day[study])
    return None if day == UNKNOWN_DAY else date.fromordinal(day + date(1970, 1, 1).toordinal())
