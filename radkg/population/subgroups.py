"""Named queries about a finding in groups of studies and over time, answered by the columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from radkg.population.counting import (
    count,
    count_times,
    find_months,
    find_years,
    group_ages,
    group_sexes,
    group_views,
)
from radkg.population.population import (
    PRESENT,
    STATE_NAMES,
    UNKNOWN,
    UNKNOWN_DAY,
    Population,
)
from radkg.schema.answer import Cell
from radkg.schema.mentions import Array

Rows = list[list[Any]]


def _trend_by_year(population: Population, finding: str, limit: int) -> Rows:
    return _count_times(population, finding, find_years(population), int)[:limit]


def _trend_by_month(population: Population, finding: str, limit: int) -> Rows:
    return _count_times(population, finding, find_months(population), name_month)[:limit]


def name_month(month: int) -> str:
    """Return "2014-03" for months since 1970-01."""
    return f"{month // 12 + 1970:04d}-{month % 12 + 1:02d}"


def _prevalence_by_age(population: Population, finding: str, width: int, limit: int) -> Rows:
    groups: list[tuple[list[Cell], Array]] = [
        ([*group], which) for group, which in group_ages(population, width)
    ]
    return _count_groups(population, finding, groups)[:limit]


def _prevalence_by_sex(population: Population, finding: str) -> Rows:
    return _count_groups(population, finding, _listed(group_sexes(population)))


def _prevalence_by_view(population: Population, finding: str, limit: int) -> Rows:
    return _count_groups(population, finding, _listed(group_views(population)))[:limit]


def _follow_up(population: Population, finding: str) -> Rows:
    label = population.find_label(population.get_code(finding))
    dated = np.flatnonzero(population.read & (population.day != UNKNOWN_DAY))
    # studies are sorted by id, and so are those of one day
    steps = dated[np.lexsort((dated, population.day[dated], population.subject[dated]))]
    subject, day = population.subject[steps], population.day[steps]
    begins = np.append(True, (np.diff(subject) != 0) | (np.diff(day) != 0))[: len(steps)]
    borders = np.append(np.flatnonzero(begins), len(steps))
    after = borders[np.searchsorted(borders, np.arange(len(steps)), side="right")]
    present = label[steps] == PRESENT
    followed = present & (after < len(steps))
    followed[followed] = subject[after[followed]] == subject[followed]
    found = label[steps[after[followed]]]
    of = len(found)
    names = {**STATE_NAMES, UNKNOWN: "not mentioned"}
    numbers = [(name, count(found == code)) for code, name in names.items()]
    return [[name, studies, of, studies / of] for name, studies in numbers if studies]


def _count_times(
    population: Population, finding: str, times: Array, name: Callable[[int], Cell]
) -> Rows:
    present = population.find_label(population.get_code(finding)) == PRESENT
    return [
        [name(time), studies, of, studies / of]
        for time, studies, of in count_times(population, times, present)
    ]


def _count_groups(
    population: Population, finding: str, groups: Iterable[tuple[list[Cell], Array]]
) -> Rows:
    present = population.find_label(population.get_code(finding)) == PRESENT
    rows: Rows = []
    for named, which in groups:
        studies, of = count(which & present), count(which & population.read)
        rows.append([*named, studies, of, studies / of])
    return rows


def _listed(groups: Iterable[tuple[str, Array]]) -> list[tuple[list[Cell], Array]]:
    return [([name], which) for name, which in groups]


GROUPED: dict[str, Callable[..., Rows]] = {
    each.__name__[1:]: each
    for each in (
        _follow_up,
        _prevalence_by_age,
        _prevalence_by_sex,
        _prevalence_by_view,
        _trend_by_month,
        _trend_by_year,
    )
}
