"""Named queries answered by the columns: the same rows as `radkg query`, for a graph of one load.

A function here is one query of radkg/graph/cypher, and has its parameters. A test asks both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from radkg.population.counting import (
    count,
    count_named,
    count_present,
    get_date,
    list_greatest,
)
from radkg.population.links import SITE_FINDINGS, SUGGESTED_BY, SUGGESTS
from radkg.population.population import (
    ABSENT,
    PRESENT,
    STATE_NAMES,
    UNCERTAIN,
    Population,
)
from radkg.population.subgroups import GROUPED, Rows
from radkg.population.wording import SEVERITIES, SIDES
from radkg.schema.mentions import Array
from radkg.schema.records import STATUSES

Named = Callable[..., Rows]

CLASS_NAMES = {"unstated": "not stated", "both": "both sides"}
"""what the named queries call a class of severity or side that has another name here"""
_STATED = (PRESENT, UNCERTAIN, ABSENT)


def split_names(ignore: str) -> set[str]:
    """Return the names that a parameter `ignore` lists."""
    return {name.strip(" ") for name in ignore.split(",")}


def _top_findings(population: Population, ignore: str, limit: int) -> Rows:
    of = count(population.read)
    numbers = population.counts[PRESENT]
    return [
        [name, studies, of, studies / of]
        for _, name, studies in list_greatest(population, numbers, limit, split_names(ignore))
    ]


def _prevalence(population: Population, finding: str) -> Rows:
    of = count(population.read)
    code = population.get_code(finding)
    by_label = [0 if code is None else int(population.counts[label][code]) for label in _STATED]
    numbers = [*by_label, of - sum(by_label)]
    names = [*(STATE_NAMES[label] for label in _STATED), "not mentioned"]
    return [
        [name, number, of, number / of if of else None]
        for name, number in zip(names, numbers, strict=True)
    ]


def _certainty_mix(population: Population, ignore: str, limit: int) -> Rows:
    counts = population.counts
    rows: Rows = []
    for code, name, of in list_greatest(
        population, population.mentioned, limit, split_names(ignore)
    ):
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
    studies, of = is_in & ~is_out, count(is_in)
    number = count(studies)
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
    names = [CLASS_NAMES.get(name, name) for name in SEVERITIES]
    return _count_places(population, finding, "severity", names)


def _laterality(population: Population, finding: str) -> Rows:
    names = [CLASS_NAMES.get(name, name) for name in SIDES]
    return _count_places(population, finding, "side", names)


def _suggests(population: Population, finding: str, limit: int) -> Rows:
    return _count_links(population, SUGGESTS, finding, limit)


def _suggested_by(population: Population, finding: str, limit: int) -> Rows:
    return _count_links(population, SUGGESTED_BY, finding, limit)


def _site_findings(population: Population, site: str, ignore: str, limit: int) -> Rows:
    of = count(population.read)
    rows = population.get_links(SITE_FINDINGS).select(population.get_code(site))
    numbers = count_named(population, rows)
    return [
        [name, studies, of, studies / of]
        for _, name, studies in list_greatest(population, numbers, limit, split_names(ignore))
    ]


def _extraction_status(population: Population, limit: int) -> Rows:
    status = population.status[population.visible]
    of = len(status)
    places = {name: place for place, name in enumerate(STATUSES)}
    rows = [(name, count(status == places[name])) for name in ("ok", "empty", "failed")]
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
        _laterality,
        _lift,
        _modifiers,
        _prevalence,
        _severity,
        _site_findings,
        _suggested_by,
        _suggests,
        _top_findings,
    )
} | GROUPED


def _count_pairs(population: Population, finding: str, without: set[str], least: int = 1) -> Rows:
    """Return the rows of co_occurrence of all other findings, most studies first."""
    code = population.get_code(finding)
    if code is None:
        return []
    all_studies = count(population.read)
    present = population.present
    cohort = population.mark(present.select(code).study)
    of = count(cohort)
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
    rows = getattr(population, table).select(code)
    rows = rows.take(rows["label"] == PRESENT)
    of = 0 if code is None else int(population.counts[PRESENT][code])
    return [
        [name, studies, of, studies / of]
        for _, name, studies in list_greatest(population, count_named(population, rows), limit)
    ]


def _count_places(population: Population, finding: str, column: str, names: Sequence[str]) -> Rows:
    rows = population.findings.select(population.get_code(finding))
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
    numbers = count_named(population, population.get_links(link).select(code))
    return [
        [name, studies, of, studies / of]
        for _, name, studies in list_greatest(population, numbers, limit)
    ]
