"""Send the requests of the page once, before the first person does.

An engine plans a statement and loads its own code when it first meets it, and the archive opens its
files at the first study: together that is seconds, which belong to the start and not to a click.
"""

from __future__ import annotations

from radkg.explore.drafts import read_drafts_of
from radkg.explore.evidence import read_passages
from radkg.explore.neighbourhood import CO_OCCURS, Filters, read_neighbourhood, search
from radkg.explore.snapshot_reader import SnapshotReader
from radkg.graph import Graph

_ANY_FINDING = """
MATCH (c:Concept)<-[:HAS_FINDING]-(:Study)
RETURN c.key AS key, c.name AS name
LIMIT 1
"""


def warm_up(graph: Graph, reader: SnapshotReader) -> None:
    """Ask once for concepts, a neighbourhood, the sentences behind an edge, and a study.

    A graph without any finding has nothing to warm up for.
    """
    for concept in graph.read(_ANY_FINDING):
        search(graph, concept["name"], 1)
        read_neighbourhood(graph, concept["key"], Filters(), 1)
        for relation in (CO_OCCURS, "modify"):  # the two statements of evidence
            edge = (concept["key"], relation, concept["key"])
            found, _ = read_passages(graph, reader, edge, Filters(), 0, 1)
            for passage in found:
                reader.read_extraction(passage.study_id)
                read_drafts_of(graph, passage.archive, passage.study_id, passage.extractor)
