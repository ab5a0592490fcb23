"""Sums of findings, against those counted study by study from the definition of a finding."""

from collections import Counter
from itertools import combinations

import pytest

from radkg.graph.rows.aggregates import (
    CO_OCCURS,
    COUNTS,
    Sums,
    build_edges,
    sum_edges,
    sum_findings,
)
from radkg.schema.arrow import EXTRACTION_SCHEMA, to_table
from radkg.schema.mentions import STATES
from radkg.schema.records import Extraction
from tests.support.graph.facts import study
from tests.support.runs.extractions import invent
from tests.support.runs.findings import describe_findings


def counted(extractions: list[Extraction]) -> Sums:
    """Return the sums, one study after the other."""
    sums = Sums(sum(each.status == "ok" for each in extractions), Counter(), Counter())
    for row in to_table(extractions).to_pylist():
        present = []
        for finding in describe_findings(row):
            key, state = finding["concept"], STATES[finding["label"]]
            sums.findings[key, state] += 1
            present += [key] if state == "present" else []
            stated_and_denied = finding["present"] > 0 and finding["absent"] > 0
            sums.findings[key, "contradicted"] += stated_and_denied
        sums.pairs.update(combinations(sorted(present), 2))
    return Sums(sums.read, +sums.findings, sums.pairs)


STUDIES = [
    *invent(60, entities=9, relations=7, vocabulary=12),
    study(1, 1, None, "-effusion", "+effusion", "small > effusion", "+edema", archive="invented"),
    study(2, 1, None, archive="invented"),
    study(3, 1, None, reason="no text", archive="invented"),
    study(4, 1, None, "?edema", archive="invented"),
]


@pytest.mark.parametrize("size", [7, len(STUDIES)])
def test_the_sums_are_those_of_the_studies(size: int) -> None:
    table = to_table(STUDIES)
    parts = [table.slice(at, size) for at in range(0, table.num_rows, size)]
    expected = counted(STUDIES)
    assert sum_findings(parts) == expected
    assert expected.read == len(STUDIES) - 2  # one failed, one empty
    assert expected.findings["observation:effusion", "contradicted"] == 1
    assert expected.pairs["observation:edema", "observation:effusion"] == 1
    assert ("observation:small", "present") not in expected.findings


def test_the_sums_of_nothing() -> None:
    nothing = Sums(0, Counter(), Counter())
    assert sum_findings([]) == sum_findings([EXTRACTION_SCHEMA.empty_table()]) == nothing
    assert not build_edges(nothing, "a", "b")


def test_sums_add_up_and_are_taken_off() -> None:
    table = to_table(STUDIES)
    parts = sum_findings([table[:20]]), sum_findings([table[20:]])
    whole = sum_findings([table])
    assert parts[0].add(parts[1]) == whole
    assert whole.add(parts[1], -1) == parts[0]
    assert parts[0] == sum_findings([table[:20]])  # what was added stays as it was


def test_pairs_are_kept_of_frequent_findings_with_all_others() -> None:
    often = [study(i, i, None, "+edema") for i in range(38)]
    sums = sum_findings([to_table([*often, study(40, 40, None, "+edema", "+mass", "+nodule")])])
    assert sums.list_frequent() == {"observation:edema"}  # mass and nodule: in one of 39
    found = build_edges(sums, "alpha", "rules")
    counts = {edge[2]: properties for edge, properties in found.items() if edge[0] == COUNTS}
    assert counts == {
        f"observation:{name}": {
            "present": studies,
            "uncertain": 0,
            "absent": 0,
            "contradicted": 0,
            "paired": name == "edema",
        }
        for name, studies in {"edema": 39, "mass": 1, "nodule": 1}.items()
    }
    pairs = {edge[1:]: properties for edge, properties in found.items() if edge[0] == CO_OCCURS}
    own = {"studies": 1, "archive": "alpha", "extractor": "rules"}
    assert pairs == {
        ("observation:edema", f"observation:{name}"): own for name in ("mass", "nodule")
    }
    known = sum_edges(found.items(), sums.read)
    assert build_edges(known, "alpha", "rules") == found
