"""Named queries answered by the columns: the same rows as `radkg query`, for a graph of one load.

A function here is one query of radkg/graph/cypher, and has its parameters. A test asks both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from radkg.population.counting import (
    count_named,
    count_present,
    find_months,
    find_years,
    get_date,
    group_ages,
    group_sexes,
    group_views,
    list_greatest,
)
from radkg.population.links import SITE_FINDINGS, SUGGESTED_BY, SUGGESTS
from radkg.population.population import (
    ABSENT,
    PRESENT,
    UNCERTAIN,
    UNKNOWN,
    UNKNOWN_DAY,
    Population,
)
from radkg.population.wording import SEVERITIES, SIDES
from radkg.schema.answer import Cell
from radkg.schema.mentions import Array
from radkg.schema.records import STATUSES

Rows = list[list[Any]]
Named = Callable[..., Rows]

_SIDE_NAMES = {"unstated": "not stated", "both": "both sides"}
_STATED = (PRESENT, UNCERTAIN, ABSENT)
_STATE_NAMES = {PRESENT: "present", UNCERTAIN: "uncertain", ABSENT: "absent"}


def split_names(ignore: str) -> set[str]:
    """Return the names that a parameter `ignore` lists."""
    return {name.strip(" ") for name in ignore.split(",")}


def _top_findings(population: Population, ignore: str, limit: int) -> Rows:
    of = _count(population.read)
    numbers = population.counts[PRESENT]
    return [
        [name, studies, of, studies / of]
        for _, name, studies in list_greatest(population, numbers, limit, split_names(ignore))
    ]


def _prevalence(population: Population, finding: str) -> Rows:
    of = _count(population.read)
    code = population.get_code(finding)
    by_label = [0 if code is None else int(population.counts[label][code]) for label in _STATED]
    numbers = [*by_label, of - sum(by_label)]
    names = [*(_STATE_NAMES[label] for label in _STATED), "not mentioned"]
    return [
        [name, number, of, number / of if of else None]
        for name, number in zip(names, numbers, strict=True)
    ]


def _certainty_mix(population: Population, ignore: str, limit: int) -> Rows:
    counts = population.counts
    mentioned = sum(counts.values())
    rows: Rows = []
    for code, name, of in list_greatest(population, mentioned, limit, split_names(ignore)):
        by_label = [int(counts[label][code]) for label in _STATED]
        rows.append([name, *by_label, of, by_label[1] / of])
    return rows


def _co_occurrence(population: Population, finding: str, ignore: str, limit: int) -> Rows:
    return _count_pairs(population, finding, {finding, *split_names(ignore)})[:limit]


def _lift(population: Population, finding: str, min_studies: int, ignore: str, limit: int) -> Rows:
    rows = _count_pairs(population, finding, {finding, *split_names(ignore)}, min_studies)
    return sorted(rows, key=lambda row: (-row[5], -row[1], row[0]))[:limit]


def _contradictions(population: Population, ignore: str, limit: int) -> Rows:
    findings, present = population.findings, population.counts[PRESENT]
    shown = population.visible[findings.study] & (findings["label"] == PRESENT)
    numbers = findings.count_each(findings["twice"] & shown)
    return [
        [name, studies, int(present[code]), studies / int(present[code])]
        for code, name, studies in list_greatest(population, numbers, limit, split_names(ignore))
    ]


def _cohort_size(population: Population, finding: str, without: str) -> Rows:
    is_in, is_out = _mark_cohort(population, finding, without)
    studies, of = is_in & ~is_out, _count(is_in)
    number = _count(studies)
    patients = population.count_patients(studies)
    return [[patients, number, of, number / of if of else None]]


def _cohort_studies(population: Population, finding: str, without: str, limit: int) -> Rows:
    is_in, is_out = _mark_cohort(population, finding, without)
    return list_studies(population, np.flatnonzero(is_in & ~is_out)[:limit])


def list_studies(population: Population, which: Array) -> Rows:
    """Return archive, study_id, subject_id and study_date of studies by their places."""
    subjects = population.subjects
    return [
        [
            population.archive,
            population.study_id[study].as_py(),
            subjects[int(population.subject[study])].as_py(),
            get_date(population, study),
        ]
        for study in which.tolist()
    ]


def _finding_sites(population: Population, finding: str, limit: int) -> Rows:
    return _count_words(population, "sites", finding, limit)


def _modifiers(population: Population, finding: str, limit: int) -> Rows:
    return _count_words(population, "words", finding, limit)


def _severity(population: Population, finding: str) -> Rows:
    names = [_SIDE_NAMES.get(name, name) for name in SEVERITIES]
    return _count_places(population, finding, "severity", names)


def _laterality(population: Population, finding: str) -> Rows:
    names = [_SIDE_NAMES.get(name, name) for name in SIDES]
    return _count_places(population, finding, "side", names)


def _suggests(population: Population, finding: str, limit: int) -> Rows:
    return _count_links(population, SUGGESTS, finding, limit)


def _suggested_by(population: Population, finding: str, limit: int) -> Rows:
    return _count_links(population, SUGGESTED_BY, finding, limit)


def _site_findings(population: Population, site: str, ignore: str, limit: int) -> Rows:
    of = _count(population.read)
    rows = population.links[SITE_FINDINGS].of(population.get_code(site))
    numbers = count_named(population, rows)
    return [
        [name, studies, of, studies / of]
        for _, name, studies in list_greatest(population, numbers, limit, split_names(ignore))
    ]


def _trend_by_year(population: Population, finding: str, limit: int) -> Rows:
    return _count_times(population, finding, find_years(population), int)[:limit]


def _trend_by_month(population: Population, finding: str, limit: int) -> Rows:
    return _count_times(population, finding, find_months(population), name_month)[:limit]


def name_month(month: int) -> str:
    """Return "2014-03" for months since 1970-01."""
    return f"{month // 12 + 1970:04d}-{month % 12 + 1:02d}"


def _prevalence_by_age(population: Population, finding: str, width: int, limit: int) -> Rows:
    groups = [([*group], which) for group, which in group_ages(population, width)]
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
    names = {**_STATE_NAMES, UNKNOWN: "not mentioned"}
    rows = [[name, _count(found == code), of] for code, name in names.items()]
    return [[name, studies, of, studies / of] for name, studies, of in rows if studies]


def _extraction_status(population: Population, limit: int) -> Rows:
    status = population.status[population.visible]
    of = len(status)
    places = {name: place for place, name in enumerate(STATUSES)}
    rows = [(name, _count(status == places[name])) for name in ("ok", "empty", "failed")]
    who = [population.archive, population.extractor]
    return [[*who, name, number, of, number / of] for name, number in rows if of][:limit]


NAMED: dict[str, Named] = {
    each.__name__[1:]: each
    for each in (
        _certainty_mix,
        _co_occurrence,
        _cohort_size,
        _cohort_studies,
        _contradictions,
        _extraction_status,
        _finding_sites,
        _follow_up,
        _laterality,
        _lift,
        _modifiers,
        _prevalence,
        _prevalence_by_age,
        _prevalence_by_sex,
        _prevalence_by_view,
        _severity,
        _site_findings,
        _suggested_by,
        _suggests,
        _top_findings,
        _trend_by_month,
        _trend_by_year,
    )
}


def _count_pairs(population: Population, finding: str, without: set[str], least: int = 1) -> Rows:
    """Return the rows of co_occurrence of all other findings, most studies first."""
    code = population.get_code(finding)
    if code is None:
        return []
    all_studies = _count(population.read)
    present = population.present
    cohort = population.mark(present.of(code).study)
    of = _count(cohort)
    together, with_other = count_present(population, cohort), population.counts[PRESENT]
    found = list_greatest(population, together, len(together), without, max(1, least))
    return [
        [
            name,
            studies,
            of,
            studies / of,
            int(with_other[other]) / all_studies,
            studies * all_studies / (of * int(with_other[other])),
        ]
        for other, name, studies in found
    ]


def _mark_cohort(population: Population, finding: str, without: str) -> tuple[Array, Array]:
    is_in = population.find_label(population.get_code(finding)) == PRESENT
    is_out = population.find_label(population.get_code(without)) >= UNCERTAIN
    return is_in, is_out


def _count_words(population: Population, table: str, finding: str, limit: int) -> Rows:
    code = population.get_code(finding)
    rows = getattr(population, table).of(code)
    rows = rows.take(rows["label"] == PRESENT)
    of = 0 if code is None else int(population.counts[PRESENT][code])
    return [
        [name, studies, of, studies / of]
        for _, name, studies in list_greatest(population, count_named(population, rows), limit)
    ]


def _count_places(population: Population, finding: str, column: str, names: Sequence[str]) -> Rows:
    rows = population.findings.of(population.get_code(finding))
    rows = rows.take((rows["label"] == PRESENT) & population.visible[rows.study])
    numbers = np.bincount(rows[column], minlength=len(names)).tolist()
    of = sum(numbers)
    return [
        [name, number, of, number / of]
        for name, number in zip(names, numbers, strict=True)
        if number
    ]


def _count_links(population: Population, link: str, finding: str, limit: int) -> Rows:
    code = population.get_code(finding)
    counts = population.counts
    of = 0 if code is None else int(counts[PRESENT][code] + counts[UNCERTAIN][code])
    numbers = count_named(population, population.links[link].of(code))
    return [
        [name, studies, of, studies / of]
        for _, name, studies in list_greatest(population, numbers, limit)
    ]


def _count_times(
    population: Population, finding: str, times: Array, name: Callable[[int], Cell]
) -> Rows:
    dated = population.read & (times != UNKNOWN_DAY)
    present = population.find_label(population.get_code(finding)) == PRESENT
    found, of = np.unique(times[dated], return_counts=True)
    if not len(found):
        return []
    place = np.searchsorted(found, times[dated & present])
    studies = np.bincount(place, minlength=len(found)).tolist()
    return [
        [name(int(time)), number, total, number / total]
        for time, number, total in zip(found.tolist(), studies, of.tolist(), strict=True)
    ]


def _count_groups(
    population: Population, finding: str, groups: Iterable[tuple[list[Cell], Array]]
) -> Rows:
    present = population.find_label(population.get_code(finding)) == PRESENT
    rows: Rows = []
    for named, which in groups:
        studies, of = _count(which & present), _count(which & population.read)
        rows.append([*named, studies, of, studies / of])
    return rows


def _listed(groups: Iterable[tuple[str, Array]]) -> list[tuple[list[Cell], Array]]:
    return [([name], which) for name, which in groups]


def _count(studies: Array) -> int:
    return int(np.count_nonzero(studies))
