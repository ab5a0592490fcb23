"""The course of one patient: the studies in the order of time, and each finding as a lane.

A lane says of each study what it says of the finding, and marks where that changed, as the named
queries `new_in_patients`, `worse_in_patients` and `resolved_in_patients` mean it. Studies of one
day are one step, and a study without a date is never marked.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow.compute as pc

from radkg.population.answers import split_names
from radkg.population.asking import list_ignored
from radkg.population.population import (
    ABSENT,
    PRESENT,
    STATE_NAMES,
    UNKNOWN,
    UNKNOWN_DAY,
    Population,
)
from radkg.population.wording import SEVERITIES, SIDES
from radkg.schema.mentions import Array
from radkg.schema.records import SEXES, STATUSES

MOST_STUDIES = 200  # of one patient at a time: some archives know no patients


def describe_course(population: Population, study_id: str) -> dict[str, Any] | None:
    """Return the course of the patient of a study; None where no such study is shown.

    Lanes that were present come first, then uncertain ones, then those that are only denied.
    Statements of normality are no lanes, as in the named queries.
    """
    place = int(pc.index(population.study_id, study_id).as_py())
    if place < 0 or not population.visible[place]:
        return None
    subject = population.subject[place]
    all_places = np.flatnonzero((population.subject == subject) & population.visible)
    days = population.day[all_places]
    order = np.lexsort((all_places, days, days == UNKNOWN_DAY))
    places = _choose_near(all_places[order], place)
    lanes = _list_lanes(population, places)
    return {
        "patient": population.subjects[int(subject)].as_py(),
        "study_id": study_id,
        "of": len(all_places),
        "studies": [_describe_study(population, each) for each in places.tolist()],
        "lanes": lanes,
    }


def _choose_near(places: Array, chosen: int) -> Array:
    """Return the studies that are shown: all, or those around the chosen one."""
    at = int(np.flatnonzero(places == chosen)[0])
    first = max(0, min(at - MOST_STUDIES // 2, len(places) - MOST_STUDIES))
    return places[first : first + MOST_STUDIES]


def _describe_study(population: Population, place: int) -> dict[str, Any]:
    age, sex, day = (
        int(column[place]) for column in (population.age, population.sex, population.day)
    )
    return {
        "study_id": population.study_id[place].as_py(),
        "day": None if day == UNKNOWN_DAY else str(np.datetime64(day, "D")),
        "age": None if age == UNKNOWN else age,
        "sex": None if sex == UNKNOWN else SEXES[sex],
        "views": [name for name, marked in population.views.items() if marked[place]],
        "status": STATUSES[int(population.status[place])],
        "reason": population.reason[place].as_py(),
    }


def _list_lanes(population: Population, places: Array) -> list[dict[str, Any]]:
    findings = population.findings
    rows = np.flatnonzero(population.mark(places)[findings.study])
    concepts = np.searchsorted(findings.starts, rows, "right") - 1
    column = {int(place): i for i, place in enumerate(places)}
    days = population.day[places]
    read = population.read[places]
    lanes = []
    ignored = split_names(list_ignored())
    for concept in np.unique(concepts).tolist():
        if population.names[concept] in ignored:
            continue
        marks: list[dict[str, Any] | None] = [None] * len(places)
        own = rows[concepts == concept].tolist()
        label = np.full(len(places), UNKNOWN)
        severity = np.zeros(len(places), np.int64)
        for row in own:
            at = column[int(findings.study[row])]
            label[at] = findings["label"][row]
            severity[at] = findings["severity"][row]
            marks[at] = {
                "state": STATE_NAMES[int(label[at])],
                "severity": SEVERITIES[int(severity[at])],
                "side": SIDES[int(findings["side"][row])],
                "change": None,
            }
        for at, change in _find_changes(days, read, label, severity).items():
            mark = marks[at]
            assert mark is not None
            mark["change"] = change
        strongest, often = int(label.max()), int(np.count_nonzero(label == label.max()))
        name = population.names[concept]
        lanes.append((-strongest, -often, name, {"finding": name, "marks": marks}))
    return [lane for *_, lane in sorted(lanes, key=lambda each: each[:3])]


def _find_changes(days: Array, read: Array, label: Array, severity: Array) -> dict[int, str]:
    """Return where a finding is new, worse or resolved, by the place of the study.

    Args:
        days: of the studies, rising; UNKNOWN_DAY at the end.
        read: whether a study was read.
        label: of the finding, UNKNOWN where a study does not mention it.
        severity: place in SEVERITIES, where the finding is mentioned.
    """
    changes: dict[int, str] = {}
    stated, worst = UNKNOWN, 0
    was_present = was_read = False
    for day in np.unique(days[days != UNKNOWN_DAY]).tolist():
        today = np.flatnonzero(days == day)
        strongest = int(label[today].max())
        of_it = today[label[today] == strongest].tolist()
        if strongest == PRESENT:
            now = int(severity[of_it].max())
            if not was_present and was_read:
                changes |= dict.fromkeys(of_it, "new")
            if 0 < worst < now:
                changes |= {at: "worse" for at in of_it if severity[at] == now}
            worst = now or worst
            was_present = True
        elif strongest == ABSENT and was_present and stated != ABSENT:
            changes |= dict.fromkeys(of_it, "resolved")
        stated = stated if strongest == UNKNOWN else strongest
        was_read = was_read or bool(read[today].any())
    return changes
