"""Verifying, on both engines: no change by hand stays unnoticed, and `repair` undoes every one."""

from collections.abc import Iterator

import pytest

from radkg.errors import GraphError
from radkg.graph import Graph
from radkg.graph.engine.values import run_statement
from radkg.graph.load.loader import load
from radkg.graph.rows.nested import BatchSizes
from radkg.graph.verify.full import verify
from radkg.graph.verify.quick import verify_quick
from radkg.schema.records import Entity
from tests.support.graph.servers import clear_graph
from tests.support.runs.extractions import InventedSnapshot, invent
from tests.support.runs.rows import row

EDEMA = Entity("edema", "OBS-DP", "edema", 40, 45, "impression")
THIRD = row("3", entities=(*row("3").entities, EDEMA))
SNAPSHOT = InventedSnapshot([row("1"), row("2"), THIRD], archive="test")
MENTION = "MATCH (:Study {study_id: '2'})-[:HAS_EXTRACTION]->()-[:HAS_MENTION]->(m {ordinal: 2}) "
STUDY = "MATCH (p:Patient)-[h:HAS_STUDY]->(s:Study {study_id: '2'})-[e:HAS_EXTRACTION]->(x) "
FINDING = "MATCH (s:Study {study_id: '2'})-[f:HAS_FINDING]->(c {name: 'effusion'}) "
COUNTED = "MATCH (l:Load)-[n:COUNTS]->(c:Concept {name: 'effusion'}) "
PAIR = "MATCH (c:Concept {name: 'effusion'})-[n:AGG_CO_OCCURS]->(o:Concept {name: 'edema'}) "

# A change by hand, and what the report must say of it.
CHANGES = {
    "mention text": (MENTION + "SET m.text = 'fusion'", "study 2: mentions"),
    "mention label": (MENTION + "SET m.label = 'OBS-DA'", "study 2: mentions"),
    "mention start": (MENTION + "SET m.start = 12", "study 2: mentions"),
    "mention end": (MENTION + "SET m.end = m.end + 1", "study 2: mentions"),
    "mention section": (MENTION + "REMOVE m.section", "study 2: mentions"),
    "mention source": (MENTION + "SET m.source = 'image'", "study 2: mentions"),
    "mention confidence": (MENTION + "SET m.confidence = 0.5000001", "study 2: mentions"),
    "mention ordinal": (MENTION + "SET m.ordinal = 7", "study 2: mentions"),
    "mention number type": (MENTION + "SET m.start = 11.0", "study 2"),
    "mention new property": (MENTION + "SET m.comment = 'seen'", "study 2: mentions"),
    "mention property named as a part of the row": (
        MENTION + "SET m.concept = 'observation:effusion'",
        "study 2: mentions",
    ),
    "relation property named as a part of the row": (
        MENTION + "MATCH (m)-[r:LOCATED_AT]->() SET r.type = 'LOCATED_AT'",
        "study 2: relations",
    ),
    "property of another bare relationship": (
        MENTION + "MATCH (m)<-[r:HAS_MENTION]-() SET r.text = m.text",
        "study 2: mentions",
    ),
    "property of yet another": (
        MENTION + "MATCH (m)-[r:OF]->() SET r.text = m.text",
        "study 2: relations",
    ),
    "mention gone": (MENTION + "DETACH DELETE m", "study 2: mentions"),
    "mention twice": (
        MENTION + "MATCH (x)-[:HAS_MENTION]->(m)-[:OF]->(c) CREATE (x)-[:HAS_MENTION]->(n:Mention)"
        "-[:OF]->(c) SET n = properties(m)",
        "study 2: mentions",
    ),
    "mention of no concept": (MENTION + "MATCH (m)-[r:OF]->() DELETE r", "study 2: mentions"),
    "mention of another concept": (
        MENTION + "MATCH (m)-[r:OF]->() MATCH (c:Concept {name: 'small'}) DELETE r"
        " CREATE (m)-[:OF]->(c)",
        "study 2: mentions",
    ),
    "relation gone": (MENTION + "MATCH (m)-[r:LOCATED_AT]->() DELETE r", "study 2: relations"),
    "relation confidence": (
        MENTION + "MATCH (m)-[r:LOCATED_AT]->() SET r.confidence = 0.3",
        "study 2: relations",
    ),
    "relation twice": (
        MENTION + "MATCH (m)-[r:LOCATED_AT]->(n) CREATE (m)-[:LOCATED_AT {confidence: 0.25}]->(n)",
        "study 2: relations",
    ),
    "relation turned": (
        MENTION + "MATCH (m)-[r:LOCATED_AT]->(n) DELETE r"
        " CREATE (n)-[:LOCATED_AT {confidence: 0.25}]->(m)",
        "study 2: relations",
    ),
    "relation of another type": (
        MENTION + "MATCH (m)-[r:LOCATED_AT]->(n) DELETE r"
        " CREATE (m)-[:SUGGESTIVE_OF {confidence: 0.25}]->(n)",
        "study 2: relations",
    ),
    "relation to another study": (
        MENTION
        + "MATCH (m)-[r:LOCATED_AT]->() MATCH (:Study {study_id: '3'})-[:HAS_EXTRACTION]->()"
        "-[:HAS_MENTION]->(o {ordinal: 1}) DELETE r"
        " CREATE (m)-[:LOCATED_AT {confidence: 0.25}]->(o)",
        "study 2: relations",
    ),
    "finding label": (FINDING + "SET f.label = 'OBS-DA'", "study 2: findings"),
    "finding mentions": (FINDING + "SET f.mentions = 2", "study 2: findings"),
    "finding extractor": (FINDING + "SET f.extractor = 'x'", "study 2: findings"),
    "finding gone": (FINDING + "DELETE f", "study 2: findings"),
    "finding new": (
        FINDING + "MATCH (o:Concept {name: 'left'}) CREATE (s)-[g:HAS_FINDING]->(o)"
        " SET g = properties(f)",
        "study 2: findings",
    ),
    "study date": (STUDY + "SET s.study_date = date('2024-03-01')", "study 2: study (study_date)"),
    "study date as text": (
        STUDY + "SET s.study_date = toString(s.study_date)",
        "study 2: study (study_date)",
    ),
    "study id": (STUDY + "SET s.study_id = '22'", "study 2: study (study_id)"),
    "study key": (STUDY + "SET s.key = 'test/22'", "study 2: missing"),
    "study archive": (STUDY + "SET s.archive = 'best'", "study 2: study (archive)"),
    "study gone": (STUDY + "DETACH DELETE s", "study 2: missing"),
    "study new": ("CREATE (:Study {key: 'test/9', study_id: '9', archive: 'test'})", "1 studies"),
    "patient id": (STUDY + "SET p.subject_id = 'p-3'", "study 2: patient (subject_id)"),
    "patient gone": (STUDY + "DETACH DELETE p", "study 2: patient"),
    "patient new": ("CREATE (:Patient {key: 'test/x'})", "1 patients without a study"),
    "patients of two studies changed places": (
        STUDY + "MATCH (q:Patient {subject_id: 'p-1'})-[k:HAS_STUDY]->(t) DELETE h, k"
        " CREATE (p)-[:HAS_STUDY]->(t) CREATE (q)-[:HAS_STUDY]->(s)",
        "study 2: patient",
    ),
    "two patients": (
        STUDY + "MATCH (q:Patient {subject_id: 'p-1'}) CREATE (q)-[:HAS_STUDY]->(s)",
        "study 2: patient",
    ),
    "property of a bare relationship": (STUDY + "SET h.since = 1", "study 2: patient (link)"),
    "model": (STUDY + "SET x.model_id = 'm0'", "study 2: extraction (model_id)"),
    "status": (STUDY + "SET x.status = 'empty'", "study 2: extraction (status)"),
    "reason": (STUDY + "SET x.reason = 'none'", "study 2: extraction (reason)"),
    "digest": (STUDY + "SET x.digest = 'd'", "study 2: extraction (digest)"),
    "extraction key": (STUDY + "SET x.key = 'k'", "study 2: extraction (key)"),
    "extraction gone": (STUDY + "DETACH DELETE x", "study 2: extraction"),
    "extraction twice": (
        STUDY + "CREATE (s)-[:HAS_EXTRACTION]->(y:Extraction {key: 'k', extractor: 'rules'})",
        "study 2: extraction",
    ),
    "concept name": ("MATCH (c:Concept {name: 'left'}) SET c.name = 'right'", "1 concepts whose"),
    "concept kind": ("MATCH (c:Concept {name: 'left'}) SET c.kind = 'x'", "1 concepts whose"),
    "concept key": ("MATCH (c:Concept {name: 'left'}) SET c.key = 'x:y'", "study 1: mentions"),
    "concept gone": ("MATCH (c:Concept {name: 'left'}) DETACH DELETE c", "study 3: mentions"),
    "concept new": (
        "CREATE (:Concept {key: 'anatomy:heart', name: 'heart', kind: 'anatomy'})",
        "1 concepts without a mention",
    ),
    "mention new": ("CREATE (:Mention {text: 'stray'})", "14 Mention in the graph, 13 expected"),
    "load snapshot": ("MATCH (l:Load) SET l.snapshot_id = 'x'", "of another snapshot"),
    "load counts": ("MATCH (l:Load) SET l.num_mentions = 1", "num_mentions"),
    "sum count": (COUNTED + "SET n.absent = 3", "1 sums (COUNTS) are not"),
    "sum number type": (COUNTED + "SET n.present = 3.0", "1 sums (COUNTS) are not"),
    "sum gone": (COUNTED + "DELETE n", "1 sums (COUNTS) are not"),
    "sum twice": (
        COUNTED + "CREATE (l)-[m:COUNTS]->(c) SET m = properties(n)",
        "1 sums (COUNTS) are not",
    ),
    "sum of what is no finding": (
        COUNTED + "MATCH (o:Concept {name: 'left'}) CREATE (l)-[m:COUNTS]->(o)"
        " SET m = properties(n)",
        "1 sums (COUNTS) are not",
    ),
    "pair count": (PAIR + "SET n.studies = 2", "1 sums (AGG_CO_OCCURS) are not"),
    "pair of another archive": (PAIR + "SET n.archive = 'best'", "1 sums (AGG_CO_OCCURS) are not"),
    "pair of nobody": (
        PAIR + "CREATE (c)-[:AGG_CO_OCCURS {studies: 1}]->(o)",
        "6 sums in the graph, 5 expected",
    ),
    "number of read studies": ("MATCH (l:Load) SET l.num_read = 2", "num_read"),
    "load gone": ("MATCH (l:Load) DETACH DELETE l", "nothing of test|rules was loaded"),
}
# What is not of the graph model is told, and left to who made it.
FOREIGN = {
    "node": ("CREATE (:Note {text: 'mine'})", "1 Note in the graph, 0 expected"),
    "label": (STUDY + "SET s:Interesting", "in the graph, 0 expected"),
    "relationship": (STUDY + "CREATE (p)-[:LIKES]->(s)", "1 LIKES in the graph, 0 expected"),
}


# What counts and digests do not tell: a property, and one thing in the place of another.
UNSEEN = {
    *(f"mention {name}" for name in ("text", "label", "start", "end", "section", "source")),
    *("mention confidence", "mention ordinal", "mention number type", "mention new property"),
    *("mention property named as a part of the row", "mention of another concept"),
    *("relation property named as a part of the row", "relation confidence", "relation turned"),
    *("relation of another type", "relation to another study"),
    *("property of a bare relationship", "property of another bare relationship"),
    *("property of yet another", "finding label", "finding mentions", "finding extractor"),
    *("study date", "study date as text", "study id", "patient id"),
    *("model", "status", "reason", "extraction key"),
}


@pytest.fixture
def loaded(graph: Graph) -> Iterator[Graph]:
    load(graph, SNAPSHOT)
    assert verify(graph, SNAPSHOT).ok
    yield graph
    clear_graph(graph)


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_noticed_and_repaired(loaded: Graph, change: str) -> None:
    statement, expected = CHANGES[change]
    loaded.write(lambda tx: run_statement(tx, statement))
    report = verify(loaded, SNAPSHOT)
    assert not report.ok
    assert expected in str(report)
    assert verify_quick(loaded, SNAPSHOT).ok == (change in UNSEEN)
    load(loaded, SNAPSHOT, repair=True)
    for report in (verify(loaded, SNAPSHOT), verify_quick(loaded, SNAPSHOT)):
        assert report.ok, str(report)


@pytest.mark.parametrize("change", FOREIGN)
def test_what_is_not_of_the_model_is_noticed(loaded: Graph, change: str) -> None:
    statement, expected = FOREIGN[change]
    loaded.write(lambda tx: run_statement(tx, statement))
    assert expected in str(verify(loaded, SNAPSHOT))
    assert expected in str(verify_quick(loaded, SNAPSHOT))


def test_the_report_names_the_first_twenty(graph: Graph) -> None:
    snapshot = InventedSnapshot(invent(25, entities=2, relations=1, vocabulary=3))
    load(graph, snapshot)
    graph.write(
        lambda tx: run_statement(tx, "MATCH (m:Mention {ordinal: 0}) SET m.text = 'secret'")
    )
    report = verify(graph, snapshot)
    assert len(report.differences) == report.num_studies == 25
    assert str(report).count("study s00") == 20
    assert "... and 5 more studies" in str(report)
    assert "secret" not in str(report)


def test_a_change_is_noticed_in_every_batch(embedded_graph: Graph) -> None:
    clear_graph(embedded_graph)
    snapshot = InventedSnapshot(invent(2 * BatchSizes().studies + 1, entities=2, relations=1))
    load(embedded_graph, snapshot)
    places = (0, BatchSizes().studies - 1, BatchSizes().studies, 2 * BatchSizes().studies)
    changed = [snapshot.extractions[place].study_id for place in places]
    statement = (
        "UNWIND $changed AS id MATCH (:Study {study_id: id})-[:HAS_EXTRACTION]->(x)"
        " MATCH (x)-[:HAS_MENTION]->(m {ordinal: 1}) SET m.confidence = 2.0"
    )
    embedded_graph.write(lambda tx: run_statement(tx, statement, changed=changed))
    report = verify(embedded_graph, snapshot)
    assert list(report.differences) == changed
    assert not report.problems


def test_a_study_that_is_not_in_the_snapshot(loaded: Graph) -> None:
    report = verify(loaded, InventedSnapshot([row("1"), row("2")], archive="test"))
    assert report.differences == {"3": "not in the snapshot"}


def test_an_empty_graph(graph: Graph) -> None:
    report = verify(graph, SNAPSHOT)
    assert set(report.differences.values()) == {"missing"}
    assert report.problems == ["nothing of test|rules was loaded: load it first"]


def test_verifying_changes_nothing(embedded_graph: Graph) -> None:
    clear_graph(embedded_graph)
    load(embedded_graph, SNAPSHOT)
    with pytest.raises(GraphError):
        embedded_graph.read("MATCH (m:Mention) SET m.text = 'x'")
    nodes = "MATCH (n) RETURN elementId(n) AS id, properties(n) AS node ORDER BY id"
    before = embedded_graph.read(nodes)
    assert verify(embedded_graph, SNAPSHOT).ok
    assert embedded_graph.read(nodes) == before
