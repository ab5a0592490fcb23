"""Which studies of a population a cohort is: one bool a study."""

from __future__ import annotations

from datetime import date

import numpy as np

from radkg.population.cohort import Cohort
from radkg.population.counting import UNKNOWN_NAME, group_views
from radkg.population.criteria import LABELS_OF, Criterion
from radkg.population.population import UNKNOWN, UNKNOWN_DAY, Population
from radkg.population.wording import SEVERITIES, SIDES
from radkg.schema.mentions import Array
from radkg.schema.records import SEXES

_EPOCH = date(1970, 1, 1).toordinal()


def select_studies(population: Population, cohort: Cohort) -> Array:
    """Return whether each study is of the cohort; names are taken as they stand."""
    studies = population.read.copy()
    for criterion in cohort.finding:
        studies &= _select_finding(population, criterion, cohort.confidence)
    if cohort.since is not None:
        studies &= population.day >= cohort.since.toordinal() - _EPOCH
    if cohort.until is not None:
        known = population.day != UNKNOWN_DAY
        studies &= known & (population.day <= cohort.until.toordinal() - _EPOCH)
    if cohort.age_from is not None:
        studies &= population.age >= cohort.age_from  # an unknown one is less than any
    if cohort.age_to is not None:
        studies &= (population.age != UNKNOWN) & (population.age <= cohort.age_to)
    if cohort.sex:
        codes = [UNKNOWN if sex == UNKNOWN_NAME else SEXES.index(sex) for sex in cohort.sex]
        studies &= np.isin(population.sex, codes)
    if cohort.view:
        groups = [which for view, which in group_views(population) if view in cohort.view]
        studies &= np.any([np.zeros(len(population), np.bool_), *groups], axis=0)
    return studies


def _select_finding(population: Population, criterion: Criterion, confidence: float) -> Array:
    """Return which studies have, or lack, what a criterion says."""
    concept = population.get_code(criterion.name)
    labels = LABELS_OF[criterion.state]
    rows = population.findings.select(concept)
    kept = np.isin(rows["label"], labels)
    if confidence > 0:
        kept &= rows["confidence"] >= confidence
    if criterion.severity:
        kept &= rows["severity"] == SEVERITIES.index(criterion.severity)
    if criterion.side:
        kept &= rows["side"] == SIDES.index(criterion.side)
    studies = population.mark(rows.study[kept])
    if criterion.site:
        # a finding stands once in a study, so what both hold is one finding
        sites = population.sites.select(concept)
        site = population.get_code(criterion.site)
        at_site = np.isin(sites["label"], labels) & (
            sites["other"] == (UNKNOWN if site is None else site)
        )
        studies &= population.mark(sites.study[at_site])
    return ~studies if criterion.is_negative else studies
