"""Attacks on a graph by hand, on both engines: verify names each, and repair mends what it may.

Two runs stand in the graph; what is done to it touches the names that are radkg's (MENDED) or
those of another application (LEFT). test_full.py has changes of properties, study by study.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from radkg.errors import GraphError
from radkg.graph import Graph
from radkg.graph.engine.values import run_statement
from radkg.graph.load.loader import load
from radkg.graph.verify.full import verify
from radkg.graph.verify.quick import verify_quick
from tests.support.graph.contents import read_everything
from tests.support.graph.servers import clear_graph
from tests.support.runs.extractions import InventedSnapshot
from tests.support.runs.rows import row

SNAPSHOT = InventedSnapshot([row("1"), row("2"), row("3")], archive="test")
OTHER = InventedSnapshot([row("8", archive="other"), row("9", archive="other")], archive="other")
_OF = (
    "MATCH ({s}:Study {{study_id: '{id}'}})"
    " MATCH ({s})<-[{h}:HAS_STUDY]-({p} {{subject_id: 'p-{id}'}})"
    " MATCH ({s})-[:HAS_EXTRACTION]->({x} {{key: '{archive}/{id}|rules'}}) "
)
S2 = _OF.format(s="s", h="h", p="p", x="x", id=2, archive="test")
M2 = S2 + "MATCH (x)-[:HAS_MENTION]->(m {ordinal: 2}) "
S3 = _OF.format(s="t", h="k", p="q", x="y", id=3, archive="test")
S9 = _OF.format(s="o", h="g", p="r", x="z", id=9, archive="other")
M9 = S9 + "MATCH (z)-[:HAS_MENTION]->(n {ordinal: 2}) "
LEFT_LUNG = "MATCH (c:Concept {name: 'left'}) "

MENDED = {
    "books": {
        "load of nothing": ("CREATE (:Load)", "Load that no load"),
        "load with a key": ("CREATE (:Load {key: 'x|y'})", "Load that no load"),
        "incomplete load without a snapshot": (
            "CREATE (:Load {key: 'v|y', complete: false})",
            "Load that no load",
        ),
        "complete load without numbers": (
            "CREATE (:Load {key: 'w|y', archive: 'w', extractor: 'y', complete: true})",
            "Load that no load",
        ),
        "load with a sum": (LEFT_LUNG + "CREATE (:Load {key: 'a'})-[:COUNTS]->(c)", "Load that no"),
        "lock": ("CREATE (:Lock {key: 'x'})", "Lock that no load"),
        "lock of nothing": ("CREATE (:Lock)", "Lock that no load"),
        "schema version": ("CREATE (:SchemaVersion {key: 'x', version: 1})", "SchemaVersion that"),
        "newer schema version": ("CREATE (:SchemaVersion {version: 99})", "SchemaVersion that no"),
        "load of drafts": ("CREATE (:DraftLoad {key: 'x', complete: true})", "DraftLoad that no"),
        "load of knowledge": ("CREATE (:KnowledgeLoad {complete: true})", "KnowledgeLoad that no"),
        "property of our load": ("MATCH (l:Load {archive: 'test'}) SET l.x = 1", "property x"),
    },
    "nothing owns them": {
        "patient": ("CREATE (:Patient {key: 'p'})", "patients without a study"),
        "patient without a key": ("CREATE (:Patient)", "patients without a study"),
        "study": ("CREATE (:Study {key: 'p'})", "studies without an extraction"),
        "study of a patient": (S2 + "CREATE (p)-[:HAS_STUDY]->(:Study)", "studies without"),
        "extraction": ("CREATE (:Extraction {key: 'e'})", "Extraction in the graph"),
        "extraction with mentions": (
            LEFT_LUNG + "CREATE (:Extraction)-[:HAS_MENTION]->(:Mention)-[:OF]->(c)",
            "Mention in the graph",
        ),
        "mention": ("CREATE (:Mention)", "Mention in the graph"),
        "mention of a concept": (
            LEFT_LUNG + "CREATE (:Mention)-[:OF]->(c)",
            "Mention in the graph",
        ),
        "concept": ("CREATE (:Concept {key: 'a:b', name: 'b', kind: 'a'})", "concepts without"),
        "concept without a key": ("CREATE (:Concept {name: 'b'})", "concepts whose key"),
        "draft": ("CREATE (:Draft {key: 'd'})", "drafts without a study"),
        "claim": ("CREATE (:Claim {finding: 'edema'})", "Claim in the graph"),
    },
    "two of our labels": {
        "study that is a mention": (S2 + "SET s:Mention", "nodes that are both Mention and Study"),
        "study of another run that is a patient": (S9 + "SET o:Patient", "both Patient and Study"),
        "patient that is a load": (S9 + "SET r:Load", "both Load and Patient"),
        "mention that is a concept": (M2 + "SET m:Concept", "both Concept and Mention"),
        "concept that is a lock": (LEFT_LUNG + "SET c:Lock", "both Concept and Lock"),
        "load that is a study": (
            "MATCH (l:Load {archive: 'other'}) SET l:Study",
            "both Load and Study",
        ),
    },
    "types at wrong labels": {
        "HAS_STUDY of a patient": (
            S2 + "CREATE (p)-[:HAS_STUDY]->(p)",
            "HAS_STUDY in the graph from",
        ),
        "HAS_STUDY backwards": (S2 + "CREATE (s)-[:HAS_STUDY]->(p)", "HAS_STUDY in the graph from"),
        "HAS_EXTRACTION of a patient": (
            S2 + "CREATE (p)-[:HAS_EXTRACTION]->(x)",
            "HAS_EXTRACTION in the graph from Patient",
        ),
        "HAS_MENTION of a study": (
            M2 + "CREATE (s)-[:HAS_MENTION]->(m)",
            "HAS_MENTION in the graph",
        ),
        "OF of a study": (S2 + LEFT_LUNG + "CREATE (s)-[:OF]->(c)", "OF in the graph from Study"),
        "OF between concepts": (
            LEFT_LUNG + "CREATE (c)-[:OF]->(c)",
            "OF in the graph from Concept",
        ),
        "MODIFY of a concept": (
            M9 + LEFT_LUNG + "CREATE (n)-[:MODIFY]->(c)",
            "MODIFY in the graph",
        ),
        "HAS_FINDING of a patient": (
            S2 + LEFT_LUNG + "CREATE (p)-[:HAS_FINDING {extractor: 'rules'}]->(c)",
            "HAS_FINDING in the graph from Patient",
        ),
        "HAS_FINDING of a study of another run": (
            S9 + "CREATE (o)-[:HAS_FINDING]->(o)",
            "HAS_FINDING in the graph from Study",
        ),
        "COUNTS of a concept": (
            LEFT_LUNG + "CREATE (c)-[:COUNTS]->(c)",
            "COUNTS in the graph from",
        ),
        "COUNTS to a study": (
            S2 + "MATCH (l:Load {archive: 'other'}) CREATE (l)-[:COUNTS]->(s)",
            "COUNTS in the graph from",
        ),
        "AGG_CO_OCCURS of a study": (
            S2 + LEFT_LUNG + "CREATE (s)-[:AGG_CO_OCCURS]->(c)",
            "AGG_CO_OCCURS in the graph from",
        ),
        "KNOWN between concepts": (
            LEFT_LUNG + "CREATE (c)-[:KNOWN]->(c)",
            "KNOWN in the graph from",
        ),
        "HAS_DRAFT to a study": (
            S2 + "CREATE (s)-[:HAS_DRAFT]->(s)",
            "HAS_DRAFT in the graph from",
        ),
        "CLAIMS of a study": (S2 + "CREATE (s)-[:CLAIMS]->(:Claim)", "CLAIMS in the graph from"),
        "OF of a note": (LEFT_LUNG + "CREATE (:Claim)-[:OF]->(c)", "OF in the graph from"),
    },
    "patients of wrong studies": {
        "two patients": (S2 + S3 + "CREATE (q)-[:HAS_STUDY]->(s)", "study 2: patient"),
        "patient of another run": (S2 + S9 + "CREATE (r)-[:HAS_STUDY]->(s)", "study 2: patient"),
        "study of another run": (
            S2 + S9 + "CREATE (p)-[:HAS_STUDY]->(o)",
            "HAS_STUDY in the graph",
        ),
    },
    "patients swapped": {
        "patients swapped": (
            S2 + S3 + "DELETE h, k CREATE (p)-[:HAS_STUDY]->(t) CREATE (q)-[:HAS_STUDY]->(s)",
            "study 2: patient",
        ),
    },
    "extractions of wrong studies": {
        "extraction of two studies": (
            S2 + S3 + "CREATE (t)-[:HAS_EXTRACTION]->(x)",
            "study 3: extraction",
        ),
        "extraction of another run": (
            S2 + S9 + "CREATE (s)-[:HAS_EXTRACTION]->(z)",
            "study 2: extraction",
        ),
    },
    "mentions of wrong nodes": {
        "mention of two extractions": (
            M2 + S3 + "CREATE (y)-[:HAS_MENTION]->(m)",
            "study 3: mentions",
        ),
        "mention of two concepts": (M2 + LEFT_LUNG + "CREATE (m)-[:OF]->(c)", "study 2: mentions"),
        "relation to another run": (M2 + M9 + "CREATE (m)-[:MODIFY]->(n)", "study 2: relations"),
        "HAS_STUDY twice": (S2 + "CREATE (p)-[:HAS_STUDY]->(s)", "study 2: patient"),
        "HAS_MENTION twice": (M2 + "CREATE (x)-[:HAS_MENTION]->(m)", "study 2: mentions"),
        "finding of no extractor": (
            S2 + LEFT_LUNG + "CREATE (s)-[:HAS_FINDING]->(c)",
            "study 2: findings",
        ),
        "sum of no load": (
            LEFT_LUNG + "CREATE (c)-[:AGG_CO_OCCURS {archive: 'x', extractor: 'y'}]->(c)",
            "sums in the graph",
        ),
    },
}
# What a person has to do is said, and nothing is deleted.
LEFT = {
    "label": (S2 + "SET s:Interesting", "1 StudyInteresting"),
    "relationship": (S2 + "CREATE (p)-[:LIKES]->(s)", "1 LIKES in the graph, 0 expected"),
    "note on a study": (S2 + "CREATE (:Note)-[:ABOUT]->(s)", "1 ABOUT in the graph"),
    "note on a mention": (M2 + "CREATE (:Note)-[:ABOUT]->(m)", "1 ABOUT in the graph"),
    "patient of another application": ("CREATE (:Patient:Person {name: 'x'})", "by hand"),
    "patient that others hold": ("CREATE (:Patient)<-[:ABOUT]-(:Note)", "by hand"),
    "load of another run": (
        "CREATE (:Load {key: 'x|y', archive: 'x', extractor: 'y', complete: true, snapshot_id: 's',"
        " num_studies: 3, num_mentions: 0, num_relations: 0, num_findings: 0})",
        "counts 3 studies and 0 stand",
    ),
    "extraction of no load": (
        S2 + "CREATE (s)-[:HAS_EXTRACTION]->(:Extraction {key: s.key + '|e', extractor: 'e'})",
        "1 Extraction of test|e, which no load knows",
    ),
    "term of no table": ("CREATE (:Knowledge {key: 'k'})", "1 Knowledge that are no terms"),
    "property of a lock": ("MATCH (v:SchemaVersion) SET v.x = 1", "property x"),
}
SEPARATE = ("CREATE (:Note {text: 'mine'})", "CREATE ()", "CREATE (:Note)-[:OF]->(:Note)")


def is_said(expected: str, report: str) -> bool:
    """Tell whether a line says it; of a study one line says all."""
    which, _, what = expected.rpartition(": ")
    return any(line.startswith(which) and what in line for line in report.splitlines())


def attack(graph: Graph, statement: str) -> None:
    graph.write(lambda tx: run_statement(tx, statement))


@pytest.fixture
def attacked(graph: Graph) -> Iterator[Graph]:
    load(graph, SNAPSHOT)
    load(graph, OTHER)
    yield graph
    clear_graph(graph)


@pytest.mark.parametrize("group", MENDED)
def test_what_bears_our_names_is_named_and_mended(attacked: Graph, group: str) -> None:
    before = read_everything(attacked)
    expected = {}
    for name, (statement, said) in MENDED[group].items():
        try:
            attack(attacked, statement)
        except GraphError:  # the embedded engine takes no second label where the first has a key
            assert (attacked.engine.name, group) == ("embedded", "two of our labels")
        else:
            expected[name] = said
    report = str(verify(attacked, SNAPSHOT))
    assert [name for name, said in expected.items() if not is_said(said, report)] == []
    assert not verify_quick(attacked, SNAPSHOT).ok
    load(attacked, SNAPSHOT, repair=True)
    for snapshot in (SNAPSHOT, OTHER):
        assert verify(attacked, snapshot).ok, str(verify(attacked, snapshot))
    assert verify_quick(attacked, SNAPSHOT).ok
    assert read_everything(attacked) == before


def test_what_is_anothers_stays_and_is_told(attacked: Graph) -> None:
    for statement, _ in LEFT.values():
        attack(attacked, statement)
    for report in (verify(attacked, SNAPSHOT), verify_quick(attacked, SNAPSHOT)):
        assert not report.ok
        told = str(report)
        assert [name for name, (_, said) in LEFT.items() if said not in told] == []
    strays = load(attacked, SNAPSHOT, repair=True).strays
    assert strays == {"ABOUT at a Mention": 1}  # which the load replaces: told, not kept
    told = str(verify(attacked, SNAPSHOT))
    assert "to mend the graph" not in told  # it would promise what it does not do
    assert [name for name, (_, said) in LEFT.items() if said not in told] == []


def test_what_is_wholly_anothers_is_no_fault(attacked: Graph) -> None:
    for statement in SEPARATE:
        attack(attacked, statement)
    for report in (verify(attacked, SNAPSHOT), verify_quick(attacked, SNAPSHOT)):
        assert report.ok
        assert len(report.foreign) == 3
        assert "left alone: 3 Note in the graph" in str(report)
    load(attacked, InventedSnapshot([row("1")], archive="test"), repair=True)
    assert attacked.read("MATCH (n:Note) RETURN count(n) AS number") == [{"number": 3}]


def test_a_load_that_did_not_end_hides_nothing(attacked: Graph) -> None:
    attack(attacked, "MATCH (l:Load {archive: 'other'}) SET l.complete = false")
    for look in (verify, verify_quick):
        report = look(attacked, SNAPSHOT)
        assert report.ok
        assert "not checked: the load of other|rules did not end" in str(report)
    attack(attacked, "CREATE (:Mention)")
    attack(attacked, S9 + LEFT_LUNG + "CREATE (o)-[:HAS_FINDING]->(c)")
    for look in (verify, verify_quick):
        report = look(attacked, SNAPSHOT)
        assert not report.ok
        assert "21 Mention in the graph, 20 expected" in str(report)
        assert "HAS_FINDING in the graph" in str(report)


def test_a_key_that_is_no_longer_unique(attacked: Graph) -> None:
    before = read_everything(attacked)
    for row_ in attacked.read("SHOW CONSTRAINTS"):
        if row_["labelsOrTypes"] in (["Study"], ["Concept"]) and row_["type"] == "UNIQUENESS":
            attacked.run_schema(f"DROP CONSTRAINT {row_['name']}")
    attack(attacked, S2 + "CREATE (d:Study) SET d = properties(s)")
    attack(attacked, LEFT_LUNG + "CREATE (d:Concept) SET d = properties(c)")
    attacked.run_schema(
        "CREATE CONSTRAINT mine IF NOT EXISTS FOR (n:Extraction) REQUIRE n.x IS UNIQUE"
    )
    report = verify(attacked, SNAPSHOT)
    assert "the unique key Study.key is missing" in report.problems
    assert "the unique key Concept.key is missing" in report.problems
    assert "DROP CONSTRAINT" in report.by_hand[0]
    strays = load(attacked, SNAPSHOT, repair=True).strays
    assert (strays["Study"], strays["Concept"]) == (1, 1)
    for row_ in attacked.read("SHOW CONSTRAINTS"):
        if row_["properties"] == ["x"]:
            attacked.run_schema(f"DROP CONSTRAINT {row_['name']}")
    assert verify(attacked, SNAPSHOT).ok, str(verify(attacked, SNAPSHOT))
    assert read_everything(attacked) == before


def test_the_first_load_refuses_nodes_of_others_under_our_labels(graph: Graph) -> None:
    attack(graph, "CREATE (:Patient {name: 'x'}), (:Concept {name: 'y'})")
    with pytest.raises(GraphError, match="1 Patient, 1 Concept that no radkg has loaded"):
        load(graph, SNAPSHOT)
    with pytest.raises(GraphError, match="a database of its own"):
        load(graph, SNAPSHOT, repair=True)
    assert graph.read("MATCH (n) RETURN count(n) AS number") == [{"number": 2}]


def test_a_load_sweeps_only_what_it_can_have_written(attacked: Graph) -> None:
    attack(attacked, "CREATE (:Patient {name: 'x'}), (:Concept {name: 'y'})")
    attack(attacked, "CREATE (:Patient:Person {key: 'a/1', archive: 'a', subject_id: '1'})")
    load(attacked, InventedSnapshot([row("1")], archive="test"))
    left = "MATCH (n) WHERE (n:Patient OR n:Concept) AND NOT (n)--() RETURN count(n) AS number"
    assert attacked.read(left) == [{"number": 3}]
