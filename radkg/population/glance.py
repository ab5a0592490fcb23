"""The population at a glance: studies over time, findings, what changed last night, what failed."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import numpy as np
import pyarrow.compute as pc

from radkg.graph.ask.correction import ErrorTable
from radkg.population.answers import split_names
from radkg.population.asking import list_ignored
from radkg.population.concept import WIDTH, Corrector
from radkg.population.counting import count, count_times, list_greatest, list_groups
from radkg.population.periods import choose_times, make_period
from radkg.population.population import (
    ABSENT,
    PRESENT,
    UNCERTAIN,
    UNKNOWN_DAY,
    Population,
)
from radkg.schema.reasons import group_reason
from radkg.schema.records import STATUSES

SHOWN_FINDINGS = 12
SHOWN_IDS = 5  # studies that are named for one reason
_FAILURES = {
    "archive": "its files cannot be read",
    "hung": "it took too long",
    "crashed": "it ended its process",
    "memory": "it needs more memory than a study may have",
    "invalid": "the answer of the model is against the schema",
    "error": "the model failed",
}

Row = dict[str, Any]


def describe_population(population: Population, error: ErrorTable | None = None) -> Row:
    """Return the numbers of a population.

    Args:
        population: that is described.
        error: measured error of what read the population; None: no rate is corrected.
    """
    visible = population.visible
    by_status = {
        name: count(visible & (population.status == place)) for place, name in enumerate(STATUSES)
    }
    read = population.read
    return {
        "studies": count(visible),
        "patients": population.count_patients(visible),
        "read": by_status["ok"],
        "empty": by_status["empty"],
        "failed": by_status["failed"],
        "retracted": len(population) - count(visible),
        "over_time": describe_times(population),
        "findings": list_top_findings(population, error),
        "quality": describe_quality(population),
        **list_groups(population, WIDTH, lambda which: {"studies": count(which & read)}),
    }


def describe_times(population: Population) -> Row:
    """Return the numbers of read studies of each year or month, and of those without a date."""
    unit, times = choose_times(population)
    rows = [
        {**make_period(time, unit)._asdict(), "studies": of}
        for time, _, of in count_times(population, times, population.read)
    ]
    undated = count(population.read & (times == UNKNOWN_DAY))
    return {"unit": unit, "rows": rows, "undated": undated}


def list_top_findings(population: Population, error: ErrorTable | None) -> list[Row]:
    """Return the findings that are present in the most studies, with corrected rates."""
    counts, of = population.counts, count(population.read)
    without = split_names(list_ignored())
    rows = []
    for code, name, present in list_greatest(population, counts[PRESENT], SHOWN_FINDINGS, without):
        uncertain, absent = int(counts[UNCERTAIN][code]), int(counts[ABSENT][code])
        numbers = {"present": present, "uncertain": uncertain, "absent": absent}
        rate = Corrector(name, error).make_row(present, of)
        mentioned = present + uncertain + absent
        rows.append({"finding": name, **numbers, "mentioned": mentioned, **rate})
    return rows


def describe_quality(population: Population) -> Row:
    """Return what failed, what was empty, and what text was skipped, each by its reason."""
    status = population.status
    failed: dict[str, list[int]] = defaultdict(list)
    failures = np.flatnonzero(population.visible & (status == STATUSES.index("failed")))
    for study in failures.tolist():
        failed[group_reason(population.reason[study].as_py() or "")].append(study)
    skipped = population.reason.filter(population.read)
    reasons = Counter(
        {row["values"]: row["counts"] for row in pc.value_counts(skipped.drop_null()).to_pylist()}
    )
    return {
        "failed": [
            {
                "reason": reason,
                "meaning": _FAILURES[reason],
                "studies": len(studies),
                "study_ids": [population.study_id[i].as_py() for i in studies[:SHOWN_IDS]],
            }
            for reason, studies in sorted(failed.items(), key=lambda item: (-len(item[1]), item[0]))
        ],
        "skipped": [
            {"reason": reason, "studies": number}
            for reason, number in sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
        ],
        "empty": count(population.visible & (status == STATUSES.index("empty"))),
    }
