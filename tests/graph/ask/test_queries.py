"""Every named query on eight invented studies, on both engines, against answers found by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from radkg.errors import ConfigError
from radkg.graph import Graph, open_graph
from radkg.graph.ask.correction import COLUMNS, Prevalence
from radkg.graph.ask.naming import describe_unknown, find_nearest_concepts, resolve_concept
from radkg.graph.ask.queries import (
    FAMILIES,
    Parameter,
    Query,
    find_resolved_concepts,
    find_unknown_concepts,
    list_queries,
    parse_query,
    run_query,
)
from radkg.graph.load.aggregates import has_sums
from radkg.graph.load.drafts import load_drafts
from radkg.graph.load.knowledge import write_knowledge
from radkg.graph.load.loader import load
from radkg.schema.draft_table import to_draft_table
from radkg.schema.drafts import Claim
from tests.support.graph.courses import COURSES, GAMMA, GAMMA_ONEPASS
from tests.support.graph.facts import OTHER_TABLE, TABLE, study
from tests.support.graph.same_answers import (
    assert_same_answers,
    forms,
    sample_values,
    variations,
)
from tests.support.graph.servers import clear_graph
from tests.support.runs.drafts import write_draft
from tests.support.runs.extractions import InventedSnapshot

ANY_NAME = "MATCH (c:Concept) RETURN c.name AS name ORDER BY name LIMIT 1"
ALPHA = [
    study(
        1,
        1,
        "2014-01-10",
        *("-effusion", "+cardiomegaly", "small > cardiomegaly", "+clear", "clear @ lung"),
        confidence=0.9,
        views=("LATERAL", "PA"),
        age=9,
        sex="female",
    ),
    study(
        2,
        1,
        "2014-03-05",
        *("-effusion", "+effusion in impression", "large > effusion", "effusion @ base"),
        *("right > base", "+edema"),
        confidence=0.4,
        views=("PA",),
        age=10,
        sex="female",
    ),
    study(
        3,
        2,
        "2014-03-20",
        *("+effusion", "small > effusion", "moderate > effusion", "effusion @ pleural"),
        *("left > pleural", "?edema", "+cardiomegaly", "cardiomegaly @ heart"),
        confidence=0.8,
        views=("AP",),
        age=89,
        sex="male",
    ),
    study(
        4,
        2,
        "2015-02-01",
        *("+effusion", "effusion @ bilateral", "small > effusion", "effusion @ pleural"),
        *("+opacity", "opacity @ lung", "opacity ! ?pneumonia", "+cardiomegaly", "-edema"),
        confidence=0.7,
        views=("LATERAL", "PA"),
        age=90,
        sex="male",
    ),
    study(5, 3, None, "?effusion", "+catheter", "?opacity", "opacity @ base", confidence=0.6),
    study(6, 3, "2015-05-05"),
    study(7, 4, "2013-01-01", reason="no report text", age=50, sex="other", views=("AP",)),
]
UNVERIFIED = {"status": "unverified", "reason": "it says more than was planned"}
# The same study_id and subject_id as in alpha: another study of another patient.
BETA = [study(1, 1, None, "+effusion", "+edema", archive="beta", confidence=0.25)]
# What another extractor thinks of a study that "rules" has read: still one study.
OTHER = [
    study(
        3,
        2,
        "2014-03-20",
        *("?effusion", "effusion @ pleural", "+cardiomegaly"),
        extractor="onepass",
        confidence=0.5,
        views=("AP",),
        age=89,
        sex="male",
    )
]


# Verified drafts claim: s1 an effusion and cardiomegaly; s3 an effusion at two sites, and no
# cardiomegaly; s5 a mass; s6, of which nothing was read, an effusion. Unverified: s2 nothing but
# normal lungs; s4 an effusion, cardiomegaly and an edema. That of s7 failed, and of beta there is
# none.
DRAFTS = [
    write_draft(
        ALPHA[0],
        ("A.", [Claim("effusion", "present", "pleural", "left", confidence=0.9)]),
        ("B.", [Claim("cardiomegaly", "present"), Claim("edema", "absent")]),
    ),
    write_draft(ALPHA[1], ("A.", [Claim("clear", "present", "lung")]), **UNVERIFIED),
    write_draft(
        ALPHA[2],
        ("A.", [Claim("effusion", "present", site) for site in ("base", "pleural")]),
        ("B.", [Claim("cardiomegaly", "absent"), Claim("opacity", "uncertain")]),
    ),
    write_draft(
        ALPHA[3],
        ("A.", [Claim("effusion", "present"), Claim("cardiomegaly", "present")]),
        ("B.", [Claim("edema", "present", "lung", confidence=0.25)]),
        **UNVERIFIED,
    ),
    write_draft(
        ALPHA[4],
        ("A.", [Claim("mass", "present", degree="mild", confidence=0.75)]),
    ),
    write_draft(ALPHA[5], ("A.", [Claim("effusion", "present")])),
    write_draft(ALPHA[6], status="failed", reason="no image can be read"),
]


class InventedDrafts(InventedSnapshot):
    """As a published snapshot of drafts."""

    @property
    def manifest(self) -> dict[str, str]:
        return {"reporter": "plan", "model_id": "d1"}

    def read_tables(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        yield to_draft_table(DRAFTS)


def fill(graph: Graph) -> None:
    clear_graph(graph)
    load(graph, InventedSnapshot(ALPHA, archive="alpha"))  # type: ignore[arg-type]
    load(graph, InventedSnapshot(BETA, archive="beta"))  # type: ignore[arg-type]
    load(graph, InventedSnapshot(OTHER, archive="alpha", extractor="onepass"))  # type: ignore[arg-type]
    write_knowledge(graph, "m3kg", TABLE)
    write_knowledge(graph, "other", OTHER_TABLE)
    alpha = InventedSnapshot(ALPHA, archive="alpha")
    load_drafts(graph, InventedDrafts(DRAFTS, archive="alpha"), alpha)  # type: ignore[arg-type]


def by_name(name: str) -> Query:
    return next(query for query in list_queries() if query.name == name)


def add_courses(graph: Graph) -> None:
    load(graph, InventedSnapshot(GAMMA, archive="gamma"))  # type: ignore[arg-type]
    onepass = InventedSnapshot(GAMMA_ONEPASS, archive="gamma", extractor="onepass")
    load(graph, onepass)  # type: ignore[arg-type]


@pytest.fixture(scope="module", params=["embedded", pytest.param("neo4j", marks=pytest.mark.neo4j)])
def population(request: pytest.FixtureRequest) -> Iterator[Graph]:
    """The eight studies, on each engine once."""
    if request.param == "neo4j":
        with open_graph(request.getfixturevalue("neo4j_uri"), Path("unused")) as graph:
            fill(graph)
            yield graph
    else:
        graph = request.getfixturevalue("embedded_graph")
        fill(graph)
        yield graph


def day(text: str) -> date:
    return date.fromisoformat(text)


# name, values, rows. Six of the eight studies were read: s1 to s5 of alpha, s1 of beta; not s6.
# Effusion is present in alpha s2, s3, s4 and beta s1, uncertain in s5, absent in s1.
GOLDEN: list[tuple[str, dict[str, str], list[list[Any]]]] = [
    (
        "archives",
        {},
        [["alpha", 4, 7, 6, day("2013-01-01"), day("2015-05-05")], ["beta", 1, 1, 0, None, None]],
    ),
    (
        "certainty_mix",
        {},
        [
            ["effusion", 4, 1, 1, 6, 1 / 6],
            ["edema", 2, 1, 1, 4, 0.25],
            ["cardiomegaly", 3, 0, 0, 3, 0.0],
            ["opacity", 1, 1, 0, 2, 0.5],
            ["catheter", 1, 0, 0, 1, 0.0],
            ["pneumonia", 0, 1, 0, 1, 1.0],
        ],
    ),
    (
        "co_occurrence",
        {},
        [
            ["cardiomegaly", 2, 4, 0.5, 3 / 6, 2 * 6 / (4 * 3)],
            ["edema", 2, 4, 0.5, 2 / 6, 2 * 6 / (4 * 2)],
            ["opacity", 1, 4, 0.25, 1 / 6, 1 * 6 / (4 * 1)],
        ],
    ),
    ("co_occurrence", {"finding": "pneumonia"}, []),
    ("contradicting_studies", {}, [["alpha", "s2", 1, 1, "rules"]]),
    ("contradictions", {}, [["effusion", 1, 4, 0.25]]),
    ("contradictions", {"ignore": "effusion"}, []),
    # Edema is present in alpha s2 and beta s1, uncertain in s3, absent in s4.
    ("cohort_size", {}, [[1, 1, 4, 0.25]]),
    ("cohort_size", {"without": "opacity"}, [[3, 3, 4, 0.75]]),
    ("cohort_size", {"without": "effusion"}, [[0, 0, 4, 0.0]]),
    ("cohort_size", {"finding": "no such"}, [[0, 0, 0, None]]),
    ("cohort_studies", {}, [["alpha", "s4", "p2", day("2015-02-01")]]),
    (
        "cohort_studies",
        {"without": "opacity"},
        [
            ["alpha", "s2", "p1", day("2014-03-05")],
            ["alpha", "s3", "p2", day("2014-03-20")],
            ["beta", "s1", "p1", None],
        ],
    ),
    ("devices", {}, [["catheter", "device", 1, 6, 1 / 6]]),
    # Drafts (DRAFTS below): verified of s1, s3, s5 and s6, unverified of s2 and s4.
    (
        "draft_agreement",
        {},
        [
            ["plan", "cardiomegaly", 1, 0, 1, 2, 0.5],
            ["plan", "effusion", 1, 1, 0, 2, 0.5],
            ["plan", "catheter", 0, 0, 1, 1, 0.0],
            ["plan", "mass", 0, 1, 0, 1, 0.0],
        ],
    ),
    (
        "draft_agreement",
        {"status": "all", "limit": "2", "ignore": "catheter"},
        [
            ["plan", "effusion", 2, 1, 1, 4, 0.5],
            ["plan", "cardiomegaly", 2, 0, 1, 3, 2 / 3],
        ],
    ),
    ("draft_agreement", {"status": "failed"}, []),
    (
        "draft_beyond_report",
        {},
        [
            ["alpha", "s1", "effusion", "pleural", "left", None, 0.9, "absent", "plan"],
            ["alpha", "s5", "mass", None, None, "mild", 0.75, "not mentioned", "plan"],
        ],
    ),
    (
        "draft_beyond_report",
        {"finding": "effusion", "least": "0", "status": "all"},
        [["alpha", "s1", "effusion", "pleural", "left", None, 0.9, "absent", "plan"]],
    ),
    (
        "draft_beyond_report",
        {"status": "unverified", "least": "0"},
        [["alpha", "s4", "edema", "lung", None, None, 0.25, "absent", "plan"]],
    ),
    # Mentions: s1 5, s2 6, s3 8 and 3, s4 9, s5 4, s6 0, beta s1 2.
    ("extraction_sizes", {}, [[0, 4, 4, 8, 0.5], [5, 9, 4, 8, 0.5]]),
    (
        "extraction_sizes",
        {"width": "3"},
        [[0, 2, 2, 8, 0.25], [3, 5, 3, 8, 0.375], [6, 8, 2, 8, 0.25], [9, 11, 1, 8, 0.125]],
    ),
    (
        "extraction_status",
        {},
        [
            ["alpha", "onepass", "ok", 1, 1, 1.0],
            ["alpha", "onepass", "empty", 0, 1, 0.0],
            ["alpha", "onepass", "failed", 0, 1, 0.0],
            ["alpha", "rules", "ok", 5, 7, 5 / 7],
            ["alpha", "rules", "empty", 1, 7, 1 / 7],
            ["alpha", "rules", "failed", 1, 7, 1 / 7],
            ["beta", "rules", "ok", 1, 1, 1.0],
            ["beta", "rules", "empty", 0, 1, 0.0],
            ["beta", "rules", "failed", 0, 1, 0.0],
        ],
    ),
    ("failed_studies", {}, [["alpha", "s7", "rules", "no report text"]]),
    ("failure_reasons", {}, [["no report text", 1, 9, 1 / 9]]),
    ("finding_sections", {}, [["findings", 6, 6, 1.0], ["impression", 1, 6, 1 / 6]]),
    (
        "finding_sites",
        {},
        [["pleural", 2, 4, 0.5], ["base", 1, 4, 0.25], ["bilateral", 1, 4, 0.25]],
    ),
    ("finding_sites", {"limit": "1"}, [["pleural", 2, 4, 0.5]]),
    # Read on two days or more: p1 without effusion at first, p2 with it.
    ("incidence", {}, [[1, 1, 1.0]]),
    (
        "known_and_observed",
        {},
        [
            ["effusion", "located_at", "pleural", 2, 4, 0.5, 2, 110],
            ["small", "modify", "effusion", 2, 4, 0.5, 1, 50],
            ["effusion", "located_at", "base", 1, 4, 0.25, 0, 0],
            ["effusion", "located_at", "bilateral", 1, 4, 0.25, 0, 0],
            ["large", "modify", "effusion", 1, 4, 0.25, 0, 0],
            ["moderate", "modify", "effusion", 1, 4, 0.25, 0, 0],
        ],
    ),
    (
        "known_and_observed",
        {"finding": "opacity"},
        [
            ["opacity", "located_at", "lung", 1, 1, 1.0, 1, 5],
            ["opacity", "suggestive_of", "pneumonia", 1, 1, 1.0, 0, 0],
        ],
    ),
    (
        "known_of",
        {},
        [
            ["m3kg", "effusion", "located_at", "pleural", 100, "C1", "C2"],
            ["m3kg", "small", "modify", "effusions", 50, "small", "C1"],
            ["m3kg", "effusion", "suggestive_of", "pneumonia", 9, "C1", "C3"],
            ["m3kg", "effusions", "located_at", "pleura", 7, "C1", "C2"],
            ["other", "effusion", "located_at", "pleural", 3, "effusion", "pleural"],
            ["m3kg", "effusion", "located_at", "effusion", 2, "C1", "C1"],
        ],
    ),
    (
        "known_of",
        {"concept": "pleura"},
        [
            ["m3kg", "effusion", "located_at", "pleural", 100, "C1", "C2"],
            ["m3kg", "effusions", "located_at", "pleura", 7, "C1", "C2"],
        ],
    ),
    (
        "known_unobserved",
        {},
        [
            ["m3kg", "effusion", "suggestive_of", "pneumonia", 9, "C1", "C3"],
            ["m3kg", "effusion", "located_at", "effusion", 2, "C1", "C1"],
        ],
    ),
    ("known_unobserved", {"concept": "effusions", "limit": "0"}, []),
    (
        "laterality",
        {},
        [
            ["not stated", 1, 4, 0.25],
            ["left", 1, 4, 0.25],
            ["right", 1, 4, 0.25],
            ["both sides", 1, 4, 0.25],
        ],
    ),
    ("lift", {}, []),
    (
        "lift",
        {"min_studies": "1"},
        [
            ["edema", 2, 4, 0.5, 2 / 6, 2 * 6 / (4 * 2)],
            ["opacity", 1, 4, 0.25, 1 / 6, 1 * 6 / (4 * 1)],
            ["cardiomegaly", 2, 4, 0.5, 3 / 6, 2 * 6 / (4 * 3)],
        ],
    ),
    (
        "low_confidence",
        {},
        [["beta", "s1", "OBS-DP", 0.25, "rules"], ["alpha", "s2", "OBS-DP", 0.4, "rules"]],
    ),
    (
        "low_confidence",
        {"finding": "cardiomegaly", "below": "0.75"},
        [["alpha", "s3", "OBS-DP", 0.5, "onepass"], ["alpha", "s4", "OBS-DP", 0.7, "rules"]],
    ),
    (
        "modifiers",
        {},
        [
            ["small", 2, 4, 0.5],
            ["large", 1, 4, 0.25],
            ["moderate", 1, 4, 0.25],
        ],
    ),
    ("new_in_patients", {}, [[day("2014-03-05"), "alpha", "p1", 1, day("2014-01-10")]]),
    (
        "patient_timeline",
        {"subject_id": "p1"},
        [
            [day("2014-01-10"), "alpha", "s1", "ok", "cardiomegaly", "present", 1, 0.9, "rules"],
            [day("2014-01-10"), "alpha", "s1", "ok", "clear", "present", 1, 0.9, "rules"],
            [day("2014-01-10"), "alpha", "s1", "ok", "effusion", "absent", 1, 0.9, "rules"],
            [day("2014-03-05"), "alpha", "s2", "ok", "edema", "present", 1, 0.4, "rules"],
            [day("2014-03-05"), "alpha", "s2", "ok", "effusion", "present", 2, 0.4, "rules"],
            [None, "beta", "s1", "ok", "edema", "present", 1, 0.25, "rules"],
            [None, "beta", "s1", "ok", "effusion", "present", 1, 0.25, "rules"],
        ],
    ),
    (
        "patient_timeline",
        {"subject_id": "p3"},
        [
            [day("2015-05-05"), "alpha", "s6", "empty", None, None, None, None, "rules"],
            [None, "alpha", "s5", "ok", "catheter", "present", 1, 0.6, "rules"],
            [None, "alpha", "s5", "ok", "effusion", "uncertain", 1, 0.6, "rules"],
            [None, "alpha", "s5", "ok", "opacity", "uncertain", 1, 0.6, "rules"],
        ],
    ),
    (
        "patient_timeline",
        {"subject_id": "p4"},
        [[day("2013-01-01"), "alpha", "s7", "failed", None, None, None, None, "rules"]],
    ),
    (
        "prevalence",
        {},
        [
            ["present", 4, 6, 4 / 6],
            ["uncertain", 1, 6, 1 / 6],
            ["absent", 1, 6, 1 / 6],
            ["not mentioned", 0, 6, 0.0],
        ],
    ),
    (
        "prevalence",
        {"finding": "small"},  # it only modifies, so it is no finding
        [
            ["present", 0, 6, 0.0],
            ["uncertain", 0, 6, 0.0],
            ["absent", 0, 6, 0.0],
            ["not mentioned", 6, 6, 1.0],
        ],
    ),
    ("prevalence_by_archive", {}, [["alpha", 3, 5, 0.6], ["beta", 1, 1, 1.0]]),
    (
        "prevalence_by_archive",
        {"finding": "no such"},
        [["alpha", 0, 5, 0.0], ["beta", 0, 1, 0.0]],
    ),
    # Effusion is present in s2, s3, s4; s5, s6 and beta's s1 have no view, age or sex.
    (
        "prevalence_by_age",
        {},
        [
            [0, 9, 0, 1, 0.0],
            [10, 19, 1, 1, 1.0],
            [80, 89, 1, 1, 1.0],
            [90, None, 1, 1, 1.0],
            [None, None, 1, 2, 0.5],
        ],
    ),
    (
        "prevalence_by_age",
        {"width": "60", "limit": "2"},
        [[0, 59, 1, 2, 0.5], [60, 89, 1, 1, 1.0]],
    ),
    (
        "prevalence_by_sex",
        {},
        [["female", 1, 2, 0.5], ["male", 2, 2, 1.0], ["unknown", 1, 2, 0.5]],
    ),
    (
        "prevalence_by_view",
        {},
        [
            ["AP", 1, 1, 1.0],
            ["LATERAL", 1, 2, 0.5],
            ["PA", 2, 3, 2 / 3],
            ["unknown", 1, 2, 0.5],
        ],
    ),
    ("prevalence_by_visit", {}, [["first", 1, 2, 0.5], ["later", 2, 2, 1.0]]),
    (
        "readers",
        {},
        [
            ["alpha", "onepass", "m", "report", "0", 1, 1, 1.0],
            ["alpha", "rules", "m", "report", "0", 5, 7, 5 / 7],
            ["beta", "rules", "m", "report", "0", 1, 1, 1.0],
        ],
    ),
    (
        "severity",
        {},
        [
            ["not stated", 1, 4, 0.25],
            ["mild", 1, 4, 0.25],
            ["moderate", 1, 4, 0.25],
            ["severe", 1, 4, 0.25],
        ],
    ),
    ("severity", {"finding": "small"}, []),
    ("site_findings", {}, [["opacity", 1, 6, 1 / 6]]),
    ("site_findings", {"ignore": "opacity"}, [["clear", 1, 6, 1 / 6]]),
    ("site_findings", {"site": "pleural"}, [["effusion", 2, 6, 2 / 6]]),
    ("site_findings", {"site": "base"}, [["effusion", 1, 6, 1 / 6]]),
    (
        "studies_with_finding",
        {},
        [
            [day("2015-02-01"), "alpha", "s4", "p2", 1, 0.7, "rules"],
            [day("2014-03-20"), "alpha", "s3", "p2", 1, 0.8, "rules"],
            [day("2014-03-05"), "alpha", "s2", "p1", 2, 0.4, "rules"],
            [None, "beta", "s1", "p1", 1, 0.25, "rules"],
        ],
    ),
    (
        "studies_with_finding",
        {"since": "2014-03-06", "until": "2014-03-20"},
        [[day("2014-03-20"), "alpha", "s3", "p2", 1, 0.8, "rules"]],
    ),
    (
        "study_mentions",
        {"study_id": "s5"},
        [
            ["effusion", "OBS-U", "effusion", "findings", 0, 8, "report", 0.6, "rules", "alpha"],
            ["catheter", "OBS-DP", "catheter", "findings", 10, 18, "report", 0.6, "rules", "alpha"],
            ["opacity", "OBS-U", "opacity", "findings", 20, 27, "report", 0.6, "rules", "alpha"],
            ["base", "ANAT-DP", "base", "findings", 30, 34, "report", 0.6, "rules", "alpha"],
        ],
    ),
    (
        "study_triplets",
        {"study_id": "s3"},
        [
            ["effusion", "located_at", "pleural", *in_findings, 0.75, extractor, "alpha"]
            for in_findings, extractor in (
                (("OBS-U", "ANAT-DP", "findings"), "onepass"),
                (("OBS-DP", "ANAT-DP", "findings"), "rules"),
            )
        ]
        + [
            [head, "modify", tail, label, label, "findings", 0.75, "rules", "alpha"]
            for head, tail, label in (
                ("small", "effusion", "OBS-DP"),
                ("moderate", "effusion", "OBS-DP"),
                ("left", "pleural", "ANAT-DP"),
            )
        ]
        + [
            [
                *("cardiomegaly", "located_at", "heart", "OBS-DP", "ANAT-DP", "findings"),
                *(0.75, "rules", "alpha"),
            ]
        ],
    ),
    ("suggested_by", {}, [["opacity", 1, 1, 1.0]]),
    ("suggested_by", {"finding": "opacity"}, []),
    ("suggests", {}, [["pneumonia", 1, 2, 0.5]]),
    (
        "top_findings",
        {},
        [
            ["effusion", 4, 6, 4 / 6],
            ["cardiomegaly", 3, 6, 3 / 6],
            ["edema", 2, 6, 2 / 6],
            ["catheter", 1, 6, 1 / 6],
            ["opacity", 1, 6, 1 / 6],
        ],
    ),
    (
        "top_findings",
        {"ignore": "effusion, catheter", "limit": "3"},
        [["cardiomegaly", 3, 6, 3 / 6], ["edema", 2, 6, 2 / 6], ["clear", 1, 6, 1 / 6]],
    ),
    (
        "trend_by_month",
        {},
        [
            ["2014-01", 0, 1, 0.0],
            ["2014-03", 2, 2, 1.0],
            ["2015-02", 1, 1, 1.0],
        ],
    ),
    ("trend_by_year", {}, [[2014, 2, 3, 2 / 3], [2015, 1, 1, 1.0]]),
    ("trend_by_year", {"finding": "no such"}, [[2014, 0, 3, 0.0], [2015, 0, 1, 0.0]]),
]


def test_every_query_has_a_golden_answer() -> None:
    golden = {name for name, _, rows in (*GOLDEN, *COURSES) if rows}
    assert golden == {query.name for query in list_queries()}


def test_every_family_has_a_query() -> None:
    assert {query.family for query in list_queries()} == set(FAMILIES)


@pytest.mark.parametrize(
    ("name", "values", "rows"), [pytest.param(*case, id=case[0]) for case in GOLDEN]
)
def test_golden(
    population: Graph, name: str, values: dict[str, str], rows: list[list[Any]]
) -> None:
    answer = run_query(population, name, values)
    if by_name(name).corrected:  # nobody has measured the model "m"
        rows = [[*row, None, None, None] for row in rows]
    assert answer.rows == rows
    assert [[type(cell) for cell in row] for row in answer.rows] == [
        [type(cell) for cell in row] for row in rows
    ]


def test_the_columns_are_those_of_the_graph(population: Graph) -> None:
    for name, values, rows in GOLDEN:
        answer = run_query(population, name, values)
        query = by_name(name)
        found = population.read(query.statement, **answer.parameters)
        assert all(list(row) == query.columns for row in found)
        assert answer.columns == [*query.columns, *(COLUMNS if query.corrected else ())]
        assert len(set(answer.columns)) == len(answer.columns)
        assert answer.columns  # of an empty answer too
        assert len(found) == len(rows)


def test_a_rate_is_the_quotient_of_its_columns(population: Graph) -> None:
    for name, values, _ in GOLDEN:
        answer = run_query(population, name, values)
        if "rate" not in answer.columns:
            continue
        numerator = {"certainty_mix": "uncertain", "incidence": "patients"}.get(
            name, "extractions" if "extractions" in answer.columns else "studies"
        )
        for row in answer.rows:
            cells = dict(zip(answer.columns, row, strict=True))
            if cells["rate"] is not None:
                assert cells["rate"] == cells[numerator] / cells["of"]


def test_every_query_on_an_empty_graph(population: Graph) -> None:
    needed = {"subject_id": "p1", "study_id": "s1"}
    clear_graph(population)
    try:
        for query in list_queries():
            values = {p.name: needed[p.name] for p in query.parameters if p.default is None}
            answer = run_query(population, query.name, values)
            assert answer.columns[: len(query.columns)] == query.columns
            # Only what always has a row has one: no studies of none.
            cells = [cell for row in answer.rows for cell in row if not isinstance(cell, str)]
            assert set(cells) <= {0, None}, query.name
            assert bool(answer.rows) == (query.name in {"prevalence", "cohort_size", "incidence"})
    finally:
        fill(population)


def test_a_study_of_which_nothing_was_read_changes_no_answer_about_findings(
    population: Graph,
) -> None:
    """It is not without the finding: nobody knows. From the sums as from the studies."""
    of_extractions = {"archives", "extraction_sizes", "extraction_status", "failure_reasons"}
    of_extractions |= {"readers", "patient_timeline"}
    queries = [query for query in list_queries() if query.name not in of_extractions]
    clear_graph(population)
    load(population, InventedSnapshot(ALPHA, archive="alpha"))  # type: ignore[arg-type]
    samples = sample_values(population) | {"subject_id": ["p1"], "study_id": ["s1"]}
    days = ("2013-01-01", "2014-02-01", "2014-03-05", "2016-01-01", None)
    unread = [
        study(30 + n, 1 + n % 3, day, views=("PA",), age=40, sex="female")
        for n, day in enumerate(days)
    ]
    try:
        before = [list(_answer(population, query, samples)) for query in queries]
        assert {"prevalence", "top_findings", "lift"} <= {query.name for query in queries}
        load(population, InventedSnapshot([*ALPHA, *unread], archive="alpha"))  # type: ignore[arg-type]
        (status,) = (r for r in run_query(population, "extraction_status", {}).rows if "empty" in r)
        assert status[3] == 1 + len(unread)
        for query, rows in zip(queries, before, strict=True):
            assert list(_answer(population, query, samples)) == rows, query.name
    finally:
        fill(population)


def _answer(
    graph: Graph, query: Query, samples: dict[str, list[str]]
) -> Iterator[list[dict[str, Any]]]:
    """Yield the answers in both forms, from the studies and from the sums."""
    for values in variations(query, samples):
        given = run_query(graph, query.name, values).parameters
        paired = str(given[query.paired]) if query.paired else None
        yield graph.read(query.statement, **given)
        if query.summed:
            yield graph.read(query.summed, **given) if has_sums(graph, paired) else []


def test_golden_courses(population: Graph) -> None:
    """On the studies of courses.py in the place of the eight."""
    clear_graph(population)
    try:
        add_courses(population)
        for name, values, rows in COURSES:
            assert run_query(population, name, values).rows == rows, name
    finally:
        fill(population)


@pytest.mark.long
@pytest.mark.neo4j
def test_both_engines_answer_the_same(
    embedded_graph: Graph, neo4j_uri: str, tmp_path: Path
) -> None:
    with open_graph(neo4j_uri, tmp_path) as neo4j_graph:
        fill(embedded_graph)
        fill(neo4j_graph)
        add_courses(embedded_graph)
        add_courses(neo4j_graph)
        assert assert_same_answers(embedded_graph, neo4j_graph) > 10 * len(list_queries())


@pytest.mark.neo4j
@pytest.mark.parametrize("query", forms(), ids=lambda query: query.name)
def test_neo4j_explains_every_query(neo4j_uri: str, query: Query) -> None:
    """What it plans on many studies: test_plans.py."""
    unset = {parameter.name: None for parameter in query.parameters}
    with open_graph(neo4j_uri, Path("unused")) as graph:
        plan = graph.plan(query.statement, unset)
    assert plan.kind == "r"
    assert plan.operators
    assert not {name for name in plan.operators if name.startswith(("AllNodes", "DirectedAll"))}


@pytest.mark.parametrize("query", forms(), ids=lambda query: query.name)
def test_every_query_keeps_the_rules(query: Query) -> None:
    code = re.sub(r"//.*", "", query.statement)
    assert query.paired is None or query.paired in {p.name for p in query.parameters}
    assert query.columns == by_name(query.name).columns
    assert query.question.endswith((".", "?"))
    assert all(parameter.meaning for parameter in query.parameters)
    assert set(re.findall(r"\$(\w+)", code)) == {p.name for p in query.parameters}
    # Text is never put together, and nothing but reading is asked for.
    assert not re.search(r"['\"`]\s*\+|\+\s*['\"`]|\$\w+\s*\+|\+\s*\$|\|\|", code)
    assert not re.search(r"\b(CREATE|MERGE|SET|DELETE|REMOVE|CALL(?! \{)|LOAD|FOREACH)\b", code)
    assert "\nORDER BY " in code.rpartition("\nRETURN\n")[2]
    assert "effusion" not in code
    if {"limit"} & {p.name for p in query.parameters}:
        assert "\nLIMIT $limit\n" in code
    else:
        assert query.name in {  # as many rows as there are names for them
            *("prevalence", "prevalence_by_visit", "cohort_size", "severity", "laterality"),
            *("prevalence_by_sex", "follow_up", "incidence", "source_agreement"),
        }
    assert "corrected" not in code
    assert query.corrected is None or {"studies", "of", "rate"} <= set(query.columns)
    for parameter in query.parameters:
        assert parameter.default is not None or parameter.name in {"subject_id", "study_id"}


def test_the_head_of_a_query() -> None:
    text = (
        "// question: How many?\n"
        "// family: cohorts\n"
        "// param since: date = none, first day, or none\n"
        "// param names: string = a,b, which\n"
        "// param study_id: string, the study\n"
        "// corrected: $names where y = z\n"
        "// any other comment\n"
        "MATCH (n)\nRETURN\n  n.x AS x,\n  y\nORDER BY x\n"
    )
    query = parse_query("few", text)
    assert query.question == "How many?"
    assert query.family == "cohorts"
    assert query.parameters == (
        Parameter("since", "date", "none", "first day, or none"),
        Parameter("names", "string", "a,b", "which"),
        Parameter("study_id", "string", None, "the study"),
    )
    assert query.corrected == Prevalence("$names", ("y", "z"))
    assert query.statement.startswith("// any other comment\nMATCH")
    assert query.columns == ["x", "y"]
    assert (query.summed, query.paired) == (None, None)
    both = parse_query(
        "few", f"{text}\n// from sums with pairs of $names\nMATCH (m)\nRETURN\n  m.x AS x\n"
    )
    assert both.statement == query.statement
    assert (both.summed, both.paired) == ("MATCH (m)\nRETURN\n  m.x AS x\n", "names")
    assert parse_query("few", f"{text}\n// from sums\nMATCH (m)\n").paired is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "first line"),
        ("MATCH (n) RETURN n", "first line"),
        ("// question: ?\nMATCH (n) RETURN n", "second line must be '// family"),
        ("// question: ?\n// family: cohort\nMATCH (n) RETURN n", "one of prevalence, anatomy"),
        ("// question: ?\n// family: trends\n// param x: text, what\n", "// param x: text, what"),
        ("// question: ?\n// family: trends\n// param x: string\n", "is not '// param"),
    ],
)
def test_a_head_that_is_none(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        parse_query("few", text)


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("prevalance", {}, "no query 'prevalance': did you mean 'prevalence'?"),
        ("zzz", {}, "no query 'zzz': there is archives, certainty_mix"),
        ("prevalence", {"findings": "x"}, "has no 'findings': did you mean 'finding'?"),
        ("study_triplets", {}, "needs study_id=<string> (the study)"),
        ("top_findings", {"limit": "ten"}, "limit='ten' is no whole number from 0 to 1000000000"),
        ("top_findings", {"limit": "-1"}, "limit='-1' is no whole number from 0 to"),
        ("top_findings", {"limit": str(10**9 + 1)}, "is no whole number from 0 to"),
        ("low_confidence", {"below": "nan"}, "below='nan' is no number"),
        ("low_confidence", {"below": "low"}, "below='low' is no number"),
        ("studies_with_finding", {"since": "2014-02-30"}, "is no date: write it as 2014-03-01"),
        ("top_findings", {"limit": "none"}, "limit='none' is no whole number from 0 to"),
    ],
)
def test_errors(population: Graph, name: str, values: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        run_query(population, name, values)


def test_values_are_inert(population: Graph) -> None:
    answer = run_query(population, "prevalence", {"finding": "effusion'}) DETACH DELETE n //"})
    assert answer.rows[-1][:4] == ["not mentioned", 6, 6, 1.0]
    assert run_query(population, "prevalence", {}).rows[0][1] == 4


def test_parameters_have_their_types(population: Graph) -> None:
    answer = run_query(population, "studies_with_finding", {"since": "2014-01-01"})
    assert answer.parameters == {
        "finding": "effusion",
        "since": date(2014, 1, 1),
        "until": None,
        "limit": 1000,
    }
    assert answer.question.startswith("In which studies")


def test_a_concept_is_found_however_it_is_written(population: Graph) -> None:
    plain = run_query(population, "prevalence", {})
    written = run_query(population, "prevalence", {"finding": "  Effusion "})
    assert written == plain
    assert find_unknown_concepts(population, written) == []


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Pleural Fluid", "pleural fluid"),  # two mentions to the readers: no single name
        ("effusions", "effusions"),  # another extractor left this name in the graph
        ("hydrothorax", "effusion"),
        ("CHF", "heart failure"),
        ("PTX", "pneumothorax"),  # no study of the population mentions one
        ("lungs", "lung"),
        ("no such thing", "no such thing"),
    ],
)
def test_a_concept_is_named_as_the_readers_name_it(
    population: Graph, written: str, name: str
) -> None:
    values = {"finding": written}
    answer = run_query(population, "prevalence", values)
    assert answer.parameters == {"finding": name}
    assert answer.rows == run_query(population, "prevalence", {"finding": name}).rows
    literal = " ".join(written.lower().split())
    notes = [] if name == literal else [f"finding {literal!r} is {name!r} in the graph"]
    assert find_resolved_concepts(answer, values) == notes


def test_a_name_that_the_graph_has_is_not_read_otherwise(population: Graph) -> None:
    for name in ("effusion", "clear", "lung", "base", "small"):
        assert resolve_concept(population, name) == name
    (name,) = [row["name"] for row in population.read(ANY_NAME)]
    assert resolve_concept(population, name.upper()) == name


def test_an_unknown_concept_gets_the_nearest_of_the_graph(population: Graph) -> None:
    assert describe_unknown(population, "cardiomegally").endswith("did you mean 'cardiomegaly'?")
    near = find_nearest_concepts(population, "left pleural efusion")
    assert near[0] in ("left", "pleural", "effusion")
    assert find_nearest_concepts(population, "left pleural effusion")[0] == "effusion"
    assert "there is base" in describe_unknown(population, "zzz")


def test_a_slip_in_a_concept_gets_a_hint(population: Graph) -> None:
    answer = run_query(population, "prevalence", {"finding": "effsuionn"})
    (hint,) = find_unknown_concepts(population, answer)
    assert hint == "no study mentions 'effsuionn': did you mean 'effusion'?"
