"""Populations in memory, of extractions that nobody published, and invented ones with patients."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import pyarrow as pa

from radkg.population.building import build_population
from radkg.population.columns import compute_columns, parse_columns
from radkg.population.population import Population
from radkg.schema.arrow import to_parquet, to_table
from radkg.schema.records import SEXES, Extraction
from tests.support.graph.zipf import NAMES
from tests.support.runs.extractions import invent

VIEWS = ((), ("PA",), ("AP",), ("LATERAL", "PA"))
_ROWS_PER_PART = 100


def make_population(rows: Sequence[Extraction]) -> Population:
    """Return the population of extractions of one archive, in several parts."""
    ordered = sorted(rows, key=lambda row: row.study_id)
    parts = [
        make_part(ordered[at : at + _ROWS_PER_PART])
        for at in range(0, len(ordered), _ROWS_PER_PART)
    ]
    model = {"model_id": ordered[0].model_id}
    return build_population(parts, ordered[0].archive, ordered[0].extractor, model)


def make_part(rows: Sequence[Extraction]) -> pa.Table:
    """Return the columns of rows, written and read."""
    return parse_columns(to_parquet(compute_columns(to_table(rows))), "invented")


def invent_patients(num_studies: int, seed: int = 0) -> list[Extraction]:
    """Return invented extractions of patients with age, sex, views and dates; some are unread."""
    chosen = random.Random(seed)
    found = []
    for row in invent(
        num_studies, seed=seed, entities=12, relations=12, vocabulary=60, names=NAMES
    ):
        days = timedelta(days=chosen.randrange(0, 1500))
        dated = chosen.random() > 0.1
        whole = replace(
            row,
            age=chosen.choice([None, *range(0, 91, 7), 90]),
            sex=chosen.choice([None, *SEXES]),
            view_positions=chosen.choice(VIEWS),
            study_date=date(2012, 5, 1) + days if dated else None,
        )
        if chosen.random() < 0.05:
            failed = chosen.random() < 0.5
            status, reason = ("failed", "no report text") if failed else ("empty", None)
            whole = replace(whole, status=status, reason=reason, entities=(), relations=())
        found.append(whole)
    return found
