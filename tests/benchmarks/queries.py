"""Ask every named query of a Zipf graph on both engines; print the seconds of each as one JSON.

    python -m tests.benchmarks.queries --studies 20000
    python -m tests.benchmarks.queries --studies 200000 --engine embedded

The population is tests/graph/zipf.py's, loaded by the loader, unmeasured. Each query is asked with
its defaults, --repeat times after one that warms up; the best counts. Where NEO4J_URI is not set,
Maven brings a Neo4j; the one at NEO4J_URI is EMPTIED.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from radkg.graph import Graph, open_graph
from radkg.graph.analytics import queries, run_query
from radkg.graph.loader import load
from radkg.run.snapshot import Snapshot
from tests.benchmarks.load import neo4j
from tests.graph.zipf import publish_zipf
from tests.servers import empty

LIMIT_S = 3.0
NEEDED = {"study_id": "s0000001", "subject_id": "p0000001"}


def seconds_of_queries(graph: Graph, repeat: int) -> dict[str, float]:
    """Return the best time of each query."""
    found = {}
    for query in queries():
        values = {p.name: NEEDED[p.name] for p in query.parameters if p.default is None}
        times = []
        for _ in range(repeat + 1):
            started = time.perf_counter()
            run_query(graph, query.name, values)
            times.append(time.perf_counter() - started)
        found[query.name] = round(min(times[1:]), 3)
    return found


def measure(graph: Graph, snapshot: Snapshot, repeat: int) -> dict[str, Any]:
    """Load the snapshot into an empty graph, ask, and return what it took."""
    empty(graph)
    loaded = load(graph, snapshot)
    times = seconds_of_queries(graph, repeat)
    slow = {name: seconds for name, seconds in times.items() if seconds > LIMIT_S}
    return {
        "relationships": loaded.relationships,
        "load_s": round(loaded.seconds, 1),
        f"over_{LIMIT_S:g}_s": slow,
        "queries_s": dict(sorted(times.items(), key=lambda item: -item[1])),
    }


@contextlib.contextmanager
def opened(engine: str, folder: Path) -> Iterator[Graph]:
    """Give the engine, on a store of its own."""
    with neo4j() if engine == "neo4j" else open_graph("embedded", folder / "store") as graph:
        yield graph


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--studies", type=int, default=20_000)
    parser.add_argument("--engine", choices=["neo4j", "embedded"], action="append")
    parser.add_argument("--repeat", type=int, default=2, help="measured times each")
    options = parser.parse_args()
    result: dict[str, Any] = {"studies": options.studies, "cores": os.cpu_count()}
    with tempfile.TemporaryDirectory() as temporary:
        snapshot = publish_zipf(Path(temporary) / "published", options.studies)
        for engine in options.engine or ["embedded", "neo4j"]:
            with opened(engine, Path(temporary)) as graph:
                result[engine] = measure(graph, snapshot, options.repeat)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
