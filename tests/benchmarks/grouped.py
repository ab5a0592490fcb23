"""Load nodes and then relationships as flat rows, in groups that share no node: a yardstick.

The method of neo4j-parallel-spark-loader, written from its description: within a batch each node
occurs in one group alone, so that groups are written at once without deadlocks, and batches come
one after the other. Edges that stay within a patient are its "predefined components"; those from
mentions and studies to concepts are "bipartite": hashes of both ends make a square of cells, and
its diagonals are the batches. Every row is a MERGE by key, as that loader's examples have it.
Mentions need keys for that, so they have a label of their own, with a constraint.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from radkg.graph import Graph
from radkg.graph.engine.values import run_statement
from radkg.graph.rows.nested import GraphRow, build_concept

SCHEMA = "CREATE CONSTRAINT IF NOT EXISTS FOR (n:FlatMention) REQUIRE n.key IS UNIQUE"
BATCH_ROWS = 5000

_NODES = """
UNWIND $rows AS row
MERGE (n:{label} {{key: row.key}})
SET n += row
"""

_LINKS = """
UNWIND $rows AS row
MATCH (a:{start} {{key: row.start}})
MATCH (b:{end} {{key: row.end}})
MERGE (a)-[r:{type}]->(b)
SET r += row.properties
"""


class Kind(NamedTuple):
    """A kind of relationship: its type, and the labels of its ends."""

    type: str
    start: str
    end: str


def load_grouped(graph: Graph, studies: Sequence[GraphRow], writers: int) -> None:
    """Write the studies into an empty graph, that many groups at once."""
    nodes, links = _flat(studies)
    for label, found in nodes.items():
        for part in _parts(list({each["key"]: each for each in found}.values())):
            _write(graph, _NODES.format(label=label), part)
    with ThreadPoolExecutor(writers) as pool:
        for kind, edges in links.items():
            statement = _LINKS.format(**kind._asdict())
            batches = _diagonals if kind.end == "Concept" else _components
            for groups in batches(edges, writers):
                list(pool.map(_writing(graph, statement), groups))


def _flat(
    studies: Sequence[GraphRow],
) -> tuple[dict[str, list[GraphRow]], dict[Kind, list[GraphRow]]]:
    """Return the nodes by label, and the relationships by kind with the patient of each."""
    nodes: defaultdict[str, list[GraphRow]] = defaultdict(list)
    links: defaultdict[Kind, list[GraphRow]] = defaultdict(list)
    for row in studies:
        patient, study, extraction = (row[n]["key"] for n in ("patient", "study", "extraction"))

        def link(kind: Kind, start: str, end: str, p: str = patient, **properties: object) -> None:
            links[kind].append({"patient": p, "start": start, "end": end, "properties": properties})

        nodes["Patient"].append(row["patient"])
        nodes["Study"].append(row["study"])
        nodes["Extraction"].append(row["extraction"])
        link(Kind("HAS_STUDY", "Patient", "Study"), patient, study)
        link(Kind("HAS_EXTRACTION", "Study", "Extraction"), study, extraction)
        keys = [f"{extraction}|{mention['ordinal']}" for mention in row["mentions"]]
        for key, mention in zip(keys, row["mentions"], strict=True):
            own = {name: value for name, value in mention.items() if name != "concept"}
            nodes["FlatMention"].append({"key": key, **own})
            nodes["Concept"].append(build_concept(mention["concept"]))
            link(Kind("HAS_MENTION", "Extraction", "FlatMention"), extraction, key)
            link(Kind("OF", "FlatMention", "Concept"), key, mention["concept"])
        for each in row["relations"]:
            kind = Kind(each["type"], "FlatMention", "FlatMention")
            link(kind, keys[each["head"]], keys[each["tail"]], confidence=each["confidence"])
        for found in row["findings"]:
            own = {name: value for name, value in found.items() if name != "concept"}
            link(Kind("HAS_FINDING", "Study", "Concept"), study, found["concept"], **own)
    return nodes, links


def _components(edges: list[GraphRow], number: int) -> Iterator[list[list[GraphRow]]]:
    """Yield the one batch of groups by patient."""
    groups: list[list[GraphRow]] = [[] for _ in range(number)]
    for edge in edges:
        groups[_hash(edge["patient"]) % number].append(edge)
    yield groups


def _diagonals(edges: list[GraphRow], number: int) -> Iterator[list[list[GraphRow]]]:
    """Yield batches: the groups of each have neither a start nor an end in common."""
    cells: defaultdict[tuple[int, int], list[GraphRow]] = defaultdict(list)
    for edge in edges:
        cells[_hash(edge["start"]) % number, _hash(edge["end"]) % number].append(edge)
    for shift in range(number):
        yield [cells[each, (each + shift) % number] for each in range(number)]


def _hash(key: str) -> int:
    return zlib.crc32(key.encode())


def _writing(graph: Graph, statement: str) -> Callable[[list[GraphRow]], None]:
    def write(group: list[GraphRow]) -> None:
        for part in _parts(group):
            _write(graph, statement, part)

    return write


def _parts(items: list[GraphRow]) -> Iterator[list[GraphRow]]:
    for at in range(0, len(items), BATCH_ROWS):
        yield items[at : at + BATCH_ROWS]


def _write(graph: Graph, statement: str, part: list[GraphRow]) -> None:
    graph.write(lambda transaction: run_statement(transaction, statement, rows=part))
