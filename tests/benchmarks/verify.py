"""Compare every property of a Zipf population in columns, and study by study as radkg did before.

    python -m tests.benchmarks.verify --studies 20000
    python -m tests.benchmarks.verify --studies 3000 --engine embedded

Both ways take turns on one warm engine; the best of --repeat counts, in seconds and in processor
seconds of client and engine together, where other work shares the machine. One JSON: studies a
second, the ratio of both ways, and what `verify --quick` takes. A Neo4j is brought by Maven.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from radkg.graph import Graph
from radkg.graph.rows.nested import batch_rows
from radkg.graph.verify import full
from radkg.graph.verify.quick import verify_quick
from radkg.run.snapshot import Snapshot
from tests.benchmarks.population import built, published, served
from tests.support.runs.processes import processor_s


def compare_one_by_one(graph: Graph, snapshot: Snapshot) -> None:
    """Compare the studies alone, each batch read while the one before is compared."""
    with ThreadPoolExecutor(1) as reader:
        before = None
        for batch in [*batch_rows(snapshot.read_tables()), []]:
            keys = [row["study"]["key"] for row in batch]
            reading = reader.submit(full._read, graph, keys, snapshot.extractor) if keys else None
            if before is not None:
                rows, found = before[0], before[1].result()
                assert not any(full._describe_difference(r, found[r["study"]["key"]]) for r in rows)
            before = (batch, reading) if reading else None


def compare_in_columns(graph: Graph, snapshot: Snapshot) -> None:
    """Compare the studies alone."""
    batches = full.batch_columns(snapshot.read_tables())
    assert all(r.is_equal() for r in full._read_ahead(graph, batches, snapshot.extractor))


def verify_all(graph: Graph, snapshot: Snapshot) -> None:
    """As `radkg verify`: the studies and the graph as a whole."""
    assert full.verify(graph, snapshot).ok


def verify_counts(graph: Graph, snapshot: Snapshot) -> None:
    """As `radkg verify --quick`."""
    assert verify_quick(graph, snapshot).ok


WAYS: dict[str, Callable[[Graph, Snapshot], None]] = {
    "one_by_one": compare_one_by_one,
    "in_columns": compare_in_columns,
    "verify": verify_all,
    "quick": verify_counts,
}


def measure(graph: Graph, snapshot: Snapshot, repeat: int) -> dict[str, Any]:
    """Return the best times of each way, and the ratios of the first two."""
    best = {name: (float("inf"), float("inf")) for name in WAYS}
    for _ in range(repeat):
        for name, way in WAYS.items():
            started, processor = time.perf_counter(), processor_s(os.getpid())
            way(graph, snapshot)
            taken = time.perf_counter() - started, processor_s(os.getpid()) - processor
            best[name] = min(best[name][0], taken[0]), min(best[name][1], taken[1])
            print(name, *(round(each, 2) for each in taken), file=sys.stderr)
    slow, quick = best["one_by_one"], best["in_columns"]
    return {
        "seconds": {name: round(wall, 2) for name, (wall, _) in best.items()},
        "processor_s": {name: round(processor, 2) for name, (_, processor) in best.items()},
        "studies_per_s": {
            name: round(snapshot.num_studies / wall) for name, (wall, _) in best.items()
        },
        "ratio_s": round(slow[0] / quick[0], 2),
        "ratio_processor_s": round(slow[1] / quick[1], 2),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--studies", type=int, default=20_000)
    parser.add_argument("--engine", choices=["embedded", "neo4j"], action="append")
    parser.add_argument("--repeat", type=int, default=5, help="times each way is measured")
    parser.add_argument("--work", type=Path, help="directory that keeps what is built")
    options = parser.parse_args()
    result: dict[str, Any] = {"studies": options.studies, "cores": os.cpu_count()}
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        snapshot, _ = published(work / f"published-{options.studies}", options.studies)
        for engine in options.engine or ["embedded", "neo4j"]:
            store = work / f"{engine}-{options.studies}"
            built(engine, store, snapshot)
            with served(engine, store) as graph:
                result[engine] = measure(graph, snapshot, options.repeat)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
