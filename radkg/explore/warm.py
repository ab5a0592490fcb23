"""Send the requests of the page once, before the first person does.

An engine plans a statement and loads its own code when it first meets it, and the archive opens its
files at the first study: together that is seconds, which belong to the start and not to a click.
"""

from __future__ import annotations

from radkg.explore.drafts import read_drafts_of
from radkg.explore.evidence import CO_OCCURS, Filters, read_passages
from radkg.explore.snapshot_reader import SnapshotReader
from radkg.graph import Graph

_ANY_FINDING = """
MATCH (c:Concept)<-[:HAS_FINDING]-(:Study)
RETURN c.key AS key
LIMIT 1
"""


def warm_up(graph: Graph, reader: SnapshotReader) -> None:
    """Ask once for the sentences behind an edge, and for a study.

    A graph without any finding has nothing to warm up for.
    """
    for concept in graph.read(_ANY_FINDING):
        for relation in (CO_OCCURS, "modify"):  # the two statements of evidence
            edge = (concept["key"], relation, concept["key"])
            found, _ = read_passages(graph, reader, edge, Filters(), 0, 1)
            for passage in found:
                reader.read_extraction(passage.study_id)
                read_drafts_of(graph, passage.archive, passage.study_id, passage.extractor)
