"""Load the same studies in several ways; print one JSON with the rates and ratios of one run.

    python -m tests.benchmarks.load --studies 2000
    NEO4J_URI=bolt://localhost:7687 NEO4J_PASSWORD=... python -m tests.benchmarks.load

On the embedded engine, and on the Neo4j at NEO4J_URI (which is EMPTIED) or one that Maven brings,
with --heap of memory for Java (left alone, Neo4j takes a quarter of the machine's):

    merge_per_triplet   one statement and one transaction a triplet: mentions and triplets alone,
                        without findings, digests and a ledger; on --naive-studies, for it is slow
    grouped             flat rows in groups that share no node (grouped.py)
    writers_1, _2, ...  `radkg load`: a nested row a study
    actors_1, _2, ...   `radkg load --on-cluster`, on Neo4j: Ray actors on this machine; Ray runs
                        already, their start counts, and client_cpu_s is that of the driver alone
    import              `radkg load --into`, on Maven's Neo4j: tables, neo4j-admin and indexes, and
                        verify_seconds beside it; the JVM's start counts, so take many studies

`times` are triplets per second over those of merge_per_triplet. Each engine first loads other
studies, as many, unmeasured, for its compiler to warm up.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from radkg.cluster.session import join_ray
from radkg.cluster.writers import start_writer_actors
from radkg.graph import Graph, open_graph
from radkg.graph.build.store import build_store
from radkg.graph.engine.neo4j_home import Neo4jHome
from radkg.graph.engine.values import run_statement
from radkg.graph.load.loader import load
from radkg.graph.migrations.steps import migrate
from radkg.graph.rows.nested import GraphRow, batch_rows
from radkg.graph.verify.full import verify
from radkg.run.snapshot import Snapshot, publish
from radkg.schema.arrow import to_table
from radkg.storage import LocalStorage
from tests.benchmarks.grouped import SCHEMA as FLAT_SCHEMA
from tests.benchmarks.grouped import load_grouped
from tests.support.graph.servers import clear_graph, neo4j_jars, run_neo4j
from tests.support.runs.extractions import InventedSnapshot, invent

HEAP = "4g"

STUDY = """
MERGE (p:Patient {key: $patient})
MERGE (s:Study {key: $study})
MERGE (p)-[:HAS_STUDY]->(s)
MERGE (x:Extraction {key: $extraction})
MERGE (s)-[:HAS_EXTRACTION]->(x)
"""

TRIPLET = """
MATCH (x:Extraction {{key: $extraction}})
MERGE (c:Concept {{key: $head.concept}})
MERGE (d:Concept {{key: $tail.concept}})
MERGE (x)-[:HAS_MENTION]->(m:Mention {{ordinal: $head.ordinal}})
  SET m.text = $head.text, m.label = $head.label, m.start = $head.start, m.end = $head.end
MERGE (x)-[:HAS_MENTION]->(n:Mention {{ordinal: $tail.ordinal}})
  SET n.text = $tail.text, n.label = $tail.label, n.start = $tail.start, n.end = $tail.end
MERGE (m)-[:OF]->(c)
MERGE (n)-[:OF]->(d)
MERGE (m)-[r:{type}]->(n) SET r.confidence = $confidence
"""


def naive(graph: Graph, studies: list[GraphRow]) -> None:
    """Write each triplet in a statement and a transaction of its own."""
    for row in studies:
        extraction = row["extraction"]["key"]
        keys = {"patient": row["patient"]["key"], "study": row["study"]["key"]}
        graph.write(lambda tx, e=extraction, k=keys: run_statement(tx, STUDY, extraction=e, **k))
        for relation in row["relations"]:
            values = {
                "extraction": extraction,
                "head": row["mentions"][relation["head"]],
                "tail": row["mentions"][relation["tail"]],
                "confidence": relation["confidence"],
            }
            statement = TRIPLET.format(type=relation["type"])
            graph.write(lambda tx, s=statement, v=values: run_statement(tx, s, **v))


@contextlib.contextmanager
def measured(graph: Graph, studies: int, triplets: int) -> Iterator[dict[str, float]]:
    """Fill a dict with rates of what the block did."""
    found: dict[str, float] = {}
    started, cpu = time.perf_counter(), time.process_time()
    yield found
    seconds = time.perf_counter() - started
    (links,) = graph.read("MATCH ()-[r]->() RETURN count(r) AS number")
    found |= {
        "seconds": round(seconds, 2),
        "studies_per_s": round(studies / seconds, 1),
        "triplets_per_s": round(triplets / seconds, 1),
        "relationships_per_s": round(links["number"] / seconds, 1),
        "client_cpu_s": round(time.process_time() - cpu, 2),
    }


def compare(
    graph: Graph, snapshot: Snapshot, num_naive: int, writers: Sequence[int]
) -> dict[str, Any]:
    """Load in all ways into an empty graph and return the rates."""
    studies = [row for batch in batch_rows(snapshot.read_tables()) for row in batch]
    warm_up = InventedSnapshot(invent(len(studies), seed=1))
    migrate(graph)
    graph.run_schema(FLAT_SCHEMA)
    found = {}

    def measure(name: str, loaded: Sequence[GraphRow], way: Callable[[], object]) -> None:
        clear_graph(graph)
        with measured(graph, len(loaded), num_triplets(loaded)) as found[name]:
            way()

    few = studies[:num_naive]
    clear_graph(graph)
    naive(graph, studies[-num_naive:])
    measure("merge_per_triplet", few, lambda: naive(graph, few))
    clear_graph(graph)
    load_grouped(graph, studies[: len(studies) // 4], max(writers))
    measure("grouped", studies, lambda: load_grouped(graph, studies, max(writers)))
    clear_graph(graph)
    load(graph, warm_up)
    for number in writers:
        measure(f"writers_{number}", studies, partial(load, graph, snapshot, writers=number))
    if graph.engine.name == "neo4j":
        with join_ray():
            for number in writers:
                actors = partial(start_writer_actors, number=number)
                measure(
                    f"actors_{number}", studies, partial(load, graph, snapshot, dispatch=actors)
                )
    started = time.perf_counter()
    report = verify(graph, snapshot)
    assert report.ok, str(report)
    return {**found, "verify_seconds": round(time.perf_counter() - started, 2)}


def imported(snapshot: Snapshot, into: Path, triplets: int) -> dict[str, float]:
    """Build a new store by import and return the rates."""
    report = build_store(snapshot, into, Neo4jHome(neo4j_jars()), lambda name: silent())
    seconds = report.tables_seconds + report.import_seconds + report.index_seconds
    return {
        "seconds": round(seconds, 2),
        "studies_per_s": round(report.studies / seconds, 1),
        "triplets_per_s": round(triplets / seconds, 1),
        "relationships_per_s": round(report.relationships / seconds, 1),
        "tables_seconds": report.tables_seconds,
        "import_seconds": report.import_seconds,
        "verify_seconds": report.verify_seconds,
    }


@contextlib.contextmanager
def silent() -> Iterator[Callable[[int, int], None]]:
    """A stage that shows nothing."""
    yield lambda done, total: None


def num_triplets(studies: Sequence[GraphRow]) -> int:
    """Return the number of relations."""
    return sum(len(row["relations"]) for row in studies)


def with_ratios(ways: dict[str, Any]) -> dict[str, Any]:
    """Add to each way how many times faster it is than the naive one."""
    naive_rate = ways["merge_per_triplet"]["triplets_per_s"]
    for way in ways.values():
        if isinstance(way, dict):
            way["times"] = round(way["triplets_per_s"] / naive_rate, 1)
    return ways


@contextlib.contextmanager
def neo4j(heap: str = HEAP) -> Iterator[Graph]:
    """Give the Neo4j at NEO4J_URI, or one of our own with such a heap."""
    with contextlib.ExitStack() as stack:
        uri = os.environ.get("NEO4J_URI")
        if uri is None:
            uri, password, _ = stack.enter_context(run_neo4j(heap=heap))
            patch = stack.enter_context(pytest.MonkeyPatch.context())
            patch.setenv("NEO4J_USER", "neo4j")
            patch.setenv("NEO4J_PASSWORD", password)
        yield stack.enter_context(open_graph(uri, None))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--studies", type=int, default=2000)
    parser.add_argument("--naive-studies", type=int, default=100)
    parser.add_argument("--writers", type=int, nargs="+", default=[1, 2], help="numbers of writers")
    parser.add_argument("--heap", default=HEAP, help="of a Neo4j that Maven brings")
    arguments = parser.parse_args()
    result: dict[str, Any] = {**vars(arguments), "cores": os.cpu_count()}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        snapshot = publish(LocalStorage(folder / "published"), to_table(invent(arguments.studies)))
        sizes = (arguments.naive_studies, arguments.writers)
        with open_graph("embedded", folder / "store") as graph:
            result["embedded"] = with_ratios(compare(graph, snapshot, *sizes))
        if os.environ.get("NEO4J_URI") or (shutil.which("java") and shutil.which("mvn")):
            with neo4j(arguments.heap) as graph:
                ways = compare(graph, snapshot, *sizes)
            if shutil.which("java") and shutil.which("mvn"):
                triplets = sum(num_triplets(batch) for batch in batch_rows(snapshot.read_tables()))
                ways["import"] = imported(snapshot, folder / "imported", triplets)
            result["neo4j"] = with_ratios(ways)
        else:
            print("no Neo4j: set NEO4J_URI, or install java and mvn", file=sys.stderr)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
