"""Load the same studies by nested rows and by one MERGE statement per triplet; print one JSON.

    python -m tests.benchmarks.load --studies 2000
    NEO4J_URI=bolt://localhost:7687 NEO4J_PASSWORD=... python -m tests.benchmarks.load

On the embedded engine, and on the Neo4j at NEO4J_URI (which is EMPTIED) or one that Maven brings.
Each engine first loads other studies, unmeasured, for its compiler to warm up. The naive way writes
triplets and mentions alone, without findings, digests and a ledger: it does less, and only on
--naive-studies, for it is slow.
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
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from radkg.graph import Graph, open_graph
from radkg.graph.client import rows
from radkg.graph.loader import load
from radkg.graph.migrating import migrate
from radkg.graph.rows import Row, batches
from radkg.graph.verify import verify
from radkg.run.snapshot import publish
from radkg.schema.arrow import to_table
from radkg.storage import LocalStorage
from tests.extractions import InventedSnapshot, invent
from tests.servers import empty, run_neo4j

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


def naive(graph: Graph, studies: list[Row]) -> None:
    """Write each triplet in a statement and a transaction of its own."""
    for row in studies:
        extraction = row["extraction"]["key"]
        keys = {"patient": row["patient"]["key"], "study": row["study"]["key"]}
        graph.write(lambda tx, e=extraction, k=keys: rows(tx, STUDY, extraction=e, **k))
        for relation in row["relations"]:
            values = {
                "extraction": extraction,
                "head": row["mentions"][relation["head"]],
                "tail": row["mentions"][relation["tail"]],
                "confidence": relation["confidence"],
            }
            statement = TRIPLET.format(type=relation["type"])
            graph.write(lambda tx, s=statement, v=values: rows(tx, s, **v))


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


def compare(graph: Graph, published: Path, num_studies: int, num_naive: int) -> dict[str, Any]:
    """Load both ways into an empty graph and return the rates."""
    warm_up = InventedSnapshot(invent(max(100, num_studies // 4), seed=1))
    snapshot = publish(LocalStorage(published), to_table(invent(num_studies)))
    studies = [row for batch in batches(snapshot.tables()) for row in batch]
    migrate(graph)
    empty(graph)
    naive(graph, studies[-num_naive:])
    empty(graph)
    few = studies[:num_naive]
    with measured(graph, num_naive, sum(len(row["relations"]) for row in few)) as by_triplet:
        naive(graph, few)
    empty(graph)
    load(graph, warm_up)
    empty(graph)
    with measured(graph, num_studies, sum(len(row["relations"]) for row in studies)) as nested:
        load(graph, snapshot)
    started = time.perf_counter()
    report = verify(graph, snapshot)
    assert report.ok, str(report)
    return {
        "nested": nested,
        "merge_per_triplet": by_triplet,
        "ratio": round(nested["triplets_per_s"] / by_triplet["triplets_per_s"], 1),
        "verify_seconds": round(time.perf_counter() - started, 2),
    }


@contextlib.contextmanager
def neo4j() -> Iterator[Graph]:
    """Give the Neo4j at NEO4J_URI, or one of our own."""
    with contextlib.ExitStack() as stack:
        uri = os.environ.get("NEO4J_URI")
        if uri is None:
            uri, password, _ = stack.enter_context(run_neo4j())
            patch = stack.enter_context(pytest.MonkeyPatch.context())
            patch.setenv("NEO4J_USER", "neo4j")
            patch.setenv("NEO4J_PASSWORD", password)
        yield stack.enter_context(open_graph(uri, Path()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--studies", type=int, default=2000)
    parser.add_argument("--naive-studies", type=int, default=100)
    arguments = parser.parse_args()
    sizes = (arguments.studies, arguments.naive_studies)
    result: dict[str, Any] = {"studies": sizes[0], "naive_studies": sizes[1]}
    with tempfile.TemporaryDirectory() as temporary:
        published = Path(temporary) / "published"
        with open_graph("embedded", Path(temporary) / "store") as graph:
            result["embedded"] = compare(graph, published, *sizes)
        if os.environ.get("NEO4J_URI") or (shutil.which("java") and shutil.which("mvn")):
            with neo4j() as graph:
                result["neo4j"] = compare(graph, published, *sizes)
        else:
            print("no Neo4j: set NEO4J_URI, or install java and mvn", file=sys.stderr)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
