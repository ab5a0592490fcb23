"""A cohort as the explorer and the command line tell it: numbers, a page of studies, charts."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
import pyarrow as pa

from radkg.population.answers import list_studies, split_names
from radkg.population.asking import list_ignored, resolve_name
from radkg.population.choices import describe_unknown
from radkg.population.cohort import Cohort
from radkg.population.comparing import compare_findings, compare_groups, compare_times
from radkg.population.counting import count, count_named, get_date, list_greatest
from radkg.population.criteria import LABELS_OF, Criterion
from radkg.population.cypher import write_cypher
from radkg.population.population import UNKNOWN, Population
from radkg.population.wording import SEVERITIES, SIDES
from radkg.schema.cells import escape_row
from radkg.schema.mentions import Array
from radkg.schema.records import SEXES

SHOWN_FINDINGS = 12
CSV_COLUMNS = ("archive", "study_id", "subject_id", "study_date")

Row = dict[str, Any]


def describe_cohort(population: Population, asked: Cohort, cohort: Cohort, studies: Array) -> Row:
    """Return what a cohort is and how many studies and patients it has.

    Args:
        population: that is asked.
        asked: the cohort, with names as a person writes them.
        cohort: the same, with the names of the population.
        studies: of the cohort, one bool each.
    """
    number, of = count(studies), count(population.read)
    return {
        "query": cohort.to_query(),
        "words": cohort.describe(),
        "criteria": cohort.list_criteria(),
        "notes": list_notes(population, asked, cohort),
        "studies": number,
        "patients": population.count_patients(studies),
        "of": of,
        "all_patients": population.count_patients(population.read),
        "rate": number / of if of else None,
        "cypher": write_cypher(cohort, population.archive, population.extractor),
        "command": cohort.to_command(),
    }


def list_notes(population: Population, asked: Cohort, cohort: Cohort) -> list[str]:
    """Return what a person should know of the names: those read otherwise, and unknown ones."""
    notes = []
    for each in asked.finding:
        for name in filter(None, (each.name, each.site)):
            resolved = resolve_name(population, name)
            if resolved != name:
                notes.append(f"{name!r} is {resolved!r} in the graph")
    for found in cohort.finding:
        for name in filter(None, (found.name, found.site)):
            if name not in population.codes:
                notes.append(describe_unknown(population, name))
    return list(dict.fromkeys(notes))


def list_page(population: Population, studies: Array, skip: int, limit: int) -> list[Row]:
    """Return some studies of a cohort, by study_id, each as a row of a list."""
    views = [(view, has) for view, has in population.views.items()]
    return [
        {
            "study_id": population.study_id[study].as_py(),
            "subject_id": population.subjects[int(population.subject[study])].as_py(),
            "study_date": get_date(population, study),
            "age": None if population.age[study] == UNKNOWN else int(population.age[study]),
            "sex": None if population.sex[study] == UNKNOWN else SEXES[population.sex[study]],
            "views": [view for view, has in views if has[study]],
        }
        for study in np.flatnonzero(studies)[skip : skip + limit].tolist()
    ]


def make_charts(population: Population, cohort: Cohort, studies: Array) -> Row:
    """Return the charts of a cohort beside the population.

    Args:
        population: that is asked.
        cohort: with the names of the population.
        studies: of the cohort, one bool each.
    """
    without = split_names(list_ignored()) | {each.name for each in cohort.finding}
    frequent, unusual = compare_findings(population, studies, SHOWN_FINDINGS, without)
    return {
        "findings": frequent,
        "unusual": unusual,
        "over_time": compare_times(population, studies),
        **compare_groups(population, studies),
        "details": [
            _describe_details(population, each, studies)
            for each in cohort.finding
            if not each.is_negative
        ],
    }


def list_ids(population: Population, studies: Array) -> list[str]:
    """Return the study_id of each study of a cohort, sorted."""
    ids: list[str] = population.study_id.filter(pa.array(studies)).to_pylist()
    return ids


def write_csv(population: Population, studies: Array) -> str:
    """Return the studies of a cohort as CSV, in which no cell is a formula."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(CSV_COLUMNS)
    writer.writerows(map(escape_row, list_studies(population, np.flatnonzero(studies))))
    return file.getvalue()


def _describe_details(population: Population, criterion: Criterion, studies: Array) -> Row:
    """Return how severe a finding of a cohort is there, on which sides and at which sites."""
    code = population.get_code(criterion.name)
    labels = LABELS_OF[criterion.state]
    rows = population.findings.select(code)
    rows = rows.take(np.isin(rows["label"], labels) & studies[rows.study])
    sites = population.sites.select(code)
    sites = sites.take(np.isin(sites["label"], labels))
    at_sites = count_named(population, sites, studies)
    details: Row = {"finding": criterion.name}
    for plural, column, names in (("severity", "severity", SEVERITIES), ("sides", "side", SIDES)):
        numbers = np.bincount(rows[column], minlength=len(names)).tolist()
        details[plural] = [
            {column: name, "studies": number} for name, number in zip(names, numbers, strict=True)
        ]
    details["sites"] = [
        {"site": name, "studies": number}
        for _, name, number in list_greatest(population, at_sites, SHOWN_FINDINGS)
    ]
    return details
