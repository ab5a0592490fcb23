"""Amending a study, on both engines: the graph is the one that a first load would have made."""

import dataclasses
from pathlib import Path

import pytest

from radkg.graph import Graph
from radkg.graph.load.loader import load
from radkg.graph.verify.full import verify
from radkg.run.snapshot import publish
from radkg.schema.arrow import to_table
from radkg.schema.records import Entity, Extraction, Relation
from radkg.storage import open_storage
from tests.graph.load.test_loader import counts, read_everything
from tests.support.graph.servers import clear_graph
from tests.support.runs.extractions import invent

STUDIES = 12


def with_a_sentence(study: Extraction, at: int) -> Extraction:
    """Return a reading of a report that has one sentence more, after `at` mentions."""
    said = Entity("small effusion", "OBS-DP", "effusion", 0, 14, "impression", confidence=0.5)
    place = Entity("left", "ANAT-DP", "left", 15, 19, "impression", confidence=0.25)
    entities = (*study.entities[:at], said, place, *study.entities[at:])
    relations = [
        dataclasses.replace(r, head=r.head + 2 * (r.head >= at), tail=r.tail + 2 * (r.tail >= at))
        for r in study.relations
    ]
    return dataclasses.replace(
        study, entities=entities, relations=(*relations, Relation(at, at + 1, "located_at"))
    )


def readings(seed: int = 0) -> list[Extraction]:
    return invent(STUDIES, seed=seed, entities=8, relations=9, vocabulary=12)


LATER = {
    "a sentence at the end": [with_a_sentence(study, 8) for study in readings()],
    "a sentence at the beginning": [with_a_sentence(study, 0) for study in readings()],
    "all read anew": readings(seed=1),
    "nothing left": [
        dataclasses.replace(s, status="failed", entities=(), relations=()) for s in readings()
    ],
}


@pytest.mark.parametrize("later", LATER)
def test_amended_is_loaded_anew(graph: Graph, tmp_path: Path, later: str) -> None:
    first, then = [to_table(rows) for rows in (readings(), LATER[later])]
    storage = open_storage(str(tmp_path))
    before, after = publish(storage, first), publish(storage, then)
    load(graph, before)
    nodes = mentions(graph)
    assert counts(load(graph, after)) == (0, STUDIES, 0, 0)
    if later.startswith("a sentence"):
        assert nodes < mentions(graph)  # none was deleted
    amended = read_everything(graph)
    assert verify(graph, after).ok
    load(graph, before)
    assert verify(graph, before).ok
    clear_graph(graph)
    load(graph, after)
    assert read_everything(graph) == amended


def mentions(graph: Graph) -> set[str]:
    return {r["id"] for r in graph.read("MATCH (m:Mention) RETURN elementId(m) AS id")}


def test_where_a_hand_took_a_mention_the_study_is_replaced(
    embedded_graph: Graph, tmp_path: Path
) -> None:
    storage = open_storage(str(tmp_path))
    before = publish(storage, to_table(readings()))
    after = publish(storage, to_table(LATER["a sentence at the end"]))
    clear_graph(embedded_graph)
    load(embedded_graph, before)
    stolen = "MATCH (x:Extraction {key: $key})-[:HAS_MENTION]->(m {ordinal: 3}) DETACH DELETE m"
    key = "invented/s0000004|rules"
    embedded_graph.write(lambda transaction: transaction.run(stolen, key=key).consume())
    assert list(verify(embedded_graph, before).differences) == ["s0000004"]
    assert counts(load(embedded_graph, after)) == (0, STUDIES, 0, 0)
    assert verify(embedded_graph, after).ok
