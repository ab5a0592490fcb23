"""A cohort: its one canonical form, its studies, and the Cypher that gives the same ones."""

from __future__ import annotations

import shlex
from dataclasses import replace
from urllib.parse import parse_qsl

import pytest

from radkg.errors import ConfigError
from radkg.graph import Graph
from radkg.graph.ask.free_cypher import run_cypher
from radkg.graph.ask.queries import run_query
from radkg.graph.load.loader import load
from radkg.population.asking import resolve_name
from radkg.population.cohort import MAX_FINDINGS, Cohort
from radkg.population.criteria import STATES, Criterion
from radkg.population.cypher import write_cypher
from radkg.population.population import Population
from radkg.population.selecting import select_studies
from radkg.population.wording import SEVERITIES, SIDES
from tests.support.runs.extractions import InventedSnapshot
from tests.support.runs.populations import invent_patients, make_population

HOSTILE = "o'dear \\ \" // } $x \u202e"
INVENTED = invent_patients(120)
READ = next(row for row in INVENTED if row.status == "ok")
MENTION = replace(READ.entities[0], concept=HOSTILE, label="OBS-DP")
ROWS = [
    *INVENTED,
    replace(READ, study_id="t1", entities=(MENTION,), relations=(), view_positions=(HOSTILE,)),
]

COHORTS = [
    "",
    "finding=effusion",
    "finding=effusion&finding=cardiomegaly:without&age_from=65",
    "finding=effusion:absent&finding=opacity:uncertain",
    "finding=effusion:possible&finding=opacity:mentioned&confidence=0.6",
    "finding=effusion:without",
    "finding=effusion:without&finding=opacity:unmentioned&sex=female&confidence=0.3",
    *(f"finding=effusion:present:severity={severity}" for severity in SEVERITIES),
    *(f"finding=effusion:mentioned:side={side}" for side in SIDES),
    "finding=effusion:present:severity=mild:side=left&finding=opacity:possible:site=base",
    "finding=effusion:present:site=left&since=2012-09-01&until=2014-03-01",
    "finding=no such thing",
    "finding=effusion&finding=no such thing:without",
    "finding=effusion:present:site=no such site",
    "until=2013-01-01",
    "age_from=0&age_to=45&sex=male&sex=unknown",
    "age_to=90&view=PA&view=unknown",
    "view=AP&finding=cardiomegaly",
    "finding=cardiomegaly:present&finding=cardiomegaly:without",
    "view=x'%5C%22",
]


@pytest.fixture(scope="module")
def population() -> Population:
    return make_population(ROWS)


@pytest.fixture
def loaded(graph: Graph) -> Graph:
    """What another extractor read of the same studies, and another archive, stand there too."""
    load(graph, InventedSnapshot(ROWS))  # type: ignore[arg-type]
    others = [replace(row, extractor="onepass", entities=(), relations=()) for row in ROWS[:5]]
    load(graph, InventedSnapshot(others, extractor="onepass"))  # type: ignore[arg-type]
    beta = [replace(row, archive="beta", study_date=None) for row in ROWS[:10]]
    load(graph, InventedSnapshot(beta, archive="beta"))  # type: ignore[arg-type]
    return graph


def ids(population: Population, cohort: Cohort) -> list[str]:
    studies = select_studies(population, cohort)
    return [population.study_id[i].as_py() for i in studies.nonzero()[0].tolist()]


def test_the_cypher_of_a_cohort_gives_its_studies(loaded: Graph, population: Population):
    hostile = Cohort(finding=(Criterion(HOSTILE),))
    cohorts = [*map(Cohort.parse_query, COHORTS), hostile, replace(hostile, view=(HOSTILE,))]
    sizes = set()
    for cohort in cohorts:
        expected = ids(population, cohort)
        statement = write_cypher(cohort, "invented", "rules")
        answer, _ = run_cypher(loaded, statement, {}, timeout_s=60, max_rows=1000)
        assert [row[1] for row in answer.rows] == expected, statement
        sizes.add(len(expected))
    assert ids(population, hostile) == ids(population, cohorts[-1]) == ["t1"]
    assert len(sizes) > len(COHORTS) // 3


def test_a_cohort_of_two_findings_is_that_of_the_named_query(embedded_graph, population):
    from tests.support.graph.servers import clear_graph

    clear_graph(embedded_graph)
    load(embedded_graph, InventedSnapshot(ROWS))  # type: ignore[arg-type]
    cohort = Cohort.parse_query("finding=effusion&finding=edema:without")
    rows = run_query(embedded_graph, "cohort_studies", {}).rows
    assert ids(population, cohort) == [row[1] for row in rows]
    assert len(rows) > 5


@pytest.mark.parametrize("query", COHORTS)
def test_the_canonical_form_gives_the_same_cohort(query: str):
    cohort = Cohort.parse_query(query)
    canonical = cohort.to_query()
    assert Cohort.parse_query(canonical) == cohort
    assert Cohort.parse_query(canonical).to_query() == canonical
    reverse = "&".join(query.split("&")[::-1])
    assert Cohort.parse_query(reverse).to_query() == canonical
    words = shlex.split(cohort.to_command())
    assert words[:4] == ["radkg", "cohort", "--out", "RUN"]
    given = zip(words[4::2], words[5::2], strict=True)
    options = [(name.removeprefix("--").replace("-", "_"), value) for name, value in given]
    assert Cohort.parse(options) == cohort


def test_names_are_resolved_as_the_readers_read_them(population: Population):
    cohort = Cohort.parse_query("finding=Hydrothorax:present&finding=effusion")
    resolved = cohort.resolve(population, resolve_name)
    assert resolved.to_query() == "finding=effusion%3Apresent"


def test_a_criterion_is_read_and_told():
    told = {
        "effusion": "effusion present",
        "Pleural  Effusion:absent": "pleural effusion denied",
        "effusion:without": "no effusion",
        "effusion:severity=mild:side=both:site=base": (
            "effusion present (mild severity, both sides, at base)"
        ),
        "a:b:absent": "a:b denied",
    }
    assert {text: Criterion.parse(text).describe() for text in told} == told
    for state in STATES:
        criterion = Criterion.parse(f"present:{state}")
        assert (criterion.name, criterion.state) == ("present", state)
        assert Criterion.parse(str(criterion)) == criterion
    cohort = Cohort.parse_query("finding=effusion&age_from=65&sex=female&night=0123")
    assert cohort.describe() == "effusion present; 65 years and older; female; night 0123"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("finding=:absent", "no name"),
        ("finding=", "is not a finding"),
        ("finding=effusion:severity=huge", "none of unstated, mild"),
        ("finding=effusion:without:side=left", "takes no severity"),
        ("finding=effusion:absent:present", "two of state"),
        ("since=yesterday", "not a date"),
        ("age_from=old", "not a whole number"),
        ("age_from=91", "from 0 to 90"),
        ("sex=F", "none of female"),
        ("confidence=2", "from 0 to 1"),
        ("confidence=nan", "from 0 to 1"),
        ("since=2014-01-01&since=2014-01-02", "twice"),
        ("finding=%ff%fe&colour=red", "has no 'colour'"),
        ("view=" + "x" * 501, "is not a view"),
        ("&".join(f"finding=f{i}" for i in range(MAX_FINDINGS + 1)), "at most"),
    ],
)
def test_a_wrong_cohort_is_refused_with_what_is_right(query: str, message: str):
    with pytest.raises(ConfigError, match=message):
        Cohort.parse(parse_qsl(query, keep_blank_values=True))
