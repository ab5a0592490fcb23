"""A Zipf population built, verified and asked every named query: one JSON and one Markdown table.

    python -m tests.benchmarks.population --studies 200000 --engine embedded --engine neo4j
    python -m tests.benchmarks.population --studies 1000000 --engine neo4j --no-queries

The population is tests/support/graph/zipf.py's: three studies a patient, 24 mentions each. The
embedded engine is loaded; Neo4j gets a new store by import (Maven brings the jars) and is then
served. Every study is compared with the Parquet: all properties when it is built, counts and
digests when it is served. Each query is asked with its defaults (effusion is in most of the
studies). Both are done --repeat times after one that warms up; the best counts, and its processor
seconds, where other work shares the machine. Two engines that are asked must answer alike: exit
code 1 if not.

The table goes to --table, the JSON to stdout, progress to stderr. With --work, what was published
and built stays there and is not built, nor measured, again. At 200,000 studies it takes 5 GB there,
both engines together. Memory is what processes hold (proportional set size), the peak of samples
each half second. The rows to publish are held in memory as one Arrow table (469 MB at 40,000
studies, so about 10 GB at a million); the import reads them part by part.
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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from rich.console import Console

from radkg.cli.progress import make_console_progress
from radkg.graph import Graph, open_graph
from radkg.graph.ask.queries import list_queries, run_query
from radkg.graph.build.store import build_store
from radkg.graph.engine.neo4j_home import Neo4jHome
from radkg.graph.load.loader import load
from radkg.graph.verify.full import verify
from radkg.graph.verify.quick import verify_quick
from radkg.run.snapshot import Snapshot, read_snapshot
from radkg.schema.answer import Answer
from radkg.storage import LocalStorage
from tests.support.graph.servers import neo4j_jars, run_neo4j
from tests.support.graph.zipf import publish_zipf
from tests.support.runs.processes import children, each_half_second, processor_s, resident

LIMIT_S = 3.0
MEASURED = "measured.json"
SLOWEST = 5  # queries that the table names
NEEDED = {"study_id": "s0000001", "subject_id": "p0000001"}


@dataclass
class Peak:
    """The most memory that this process and its children were seen to hold, in bytes."""

    client: int = 0
    server: int = 0


@contextlib.contextmanager
def watched() -> Iterator[Peak]:
    """Sample the memory of this process, and of all that it has started."""
    peak = Peak()
    own = os.getpid()

    def sample() -> None:
        peak.client = max(peak.client, resident(own))
        below = sum(resident(child, below=True) for child in children(own))
        peak.server = max(peak.server, below)

    with each_half_second(sample):
        yield peak


def published(folder: Path, num_studies: int) -> tuple[Snapshot, dict[str, Any]]:
    """Return the population, and what it took to publish it, now or when it was."""
    if (folder / MEASURED).exists():
        return read_snapshot(LocalStorage(folder)), json.loads((folder / MEASURED).read_text())
    started = time.perf_counter()
    with watched() as peak:
        snapshot = publish_zipf(folder, num_studies)
    seconds = round(time.perf_counter() - started, 1)
    found = {"publish_s": seconds, "publish_peak_MB": round(peak.client / 1e6)}
    (folder / MEASURED).write_text(json.dumps(found))
    pa.default_memory_pool().release_unused()  # what is built next needs it
    return snapshot, found


def built(engine: str, store: Path, snapshot: Snapshot) -> dict[str, Any]:
    """Build and verify a store; return what it took, now or when it was built."""
    note = store.with_name(f"{store.name}-{MEASURED}")
    if not note.exists():
        shutil.rmtree(store, ignore_errors=True)  # what was cut short would be measured in part
        make = loaded if engine == "embedded" else imported
        note.write_text(json.dumps(make(store, snapshot)))
    found: dict[str, Any] = json.loads(note.read_text())
    return found


def loaded(store: Path, snapshot: Snapshot) -> dict[str, Any]:
    """Load and verify an embedded store."""
    with watched() as peak, open_graph("embedded", store) as graph:
        report = load(graph, snapshot)
        checked = verify(graph, snapshot)
    assert checked.ok, str(checked)
    spent = {"load_s": report.seconds, "verify_s": checked.seconds}
    return _summary(peak, store, report.studies, report.relationships, spent)


def imported(store: Path, snapshot: Snapshot) -> dict[str, Any]:
    """Build a verified Neo4j store by import."""
    console = Console(stderr=True)
    with watched() as peak:
        report = build_store(
            snapshot, store, Neo4jHome(neo4j_jars()), make_console_progress(console)
        )
    spent = {
        "tables_s": report.tables_seconds,
        "import_s": report.import_seconds,
        "index_s": report.index_seconds,
        "verify_s": report.verify_seconds,
    }
    return _summary(peak, store, report.studies, report.relationships, spent)


def _summary(
    peak: Peak, store: Path, studies: int, relationships: int, spent: dict[str, float]
) -> dict[str, Any]:
    """Return the measurements of a build; `spent` are the seconds of its steps."""
    building = sum(spent.values()) - spent["verify_s"]
    return {
        "minutes": round(sum(spent.values()) / 60, 1),
        **{name: round(seconds, 1) for name, seconds in spent.items()},
        "relationships": relationships,
        "relationships_per_s": round(relationships / building),
        "verified_studies_per_s": round(studies / spent["verify_s"]),
        "client_peak_MB": round(peak.client / 1e6),
        "server_peak_MB": round(peak.server / 1e6),
        "store_MB": round(sum(p.stat().st_size for p in store.rglob("*") if p.is_file()) / 1e6),
    }


@contextlib.contextmanager
def served(engine: str, store: Path) -> Iterator[Graph]:
    """Give the graph in a store."""
    with contextlib.ExitStack() as stack:
        address = "embedded"
        if engine == "neo4j":
            address, password, _ = stack.enter_context(run_neo4j(store))
            patch = stack.enter_context(pytest.MonkeyPatch.context())
            patch.setenv("NEO4J_USER", "neo4j")
            patch.setenv("NEO4J_PASSWORD", password)
        yield stack.enter_context(open_graph(address, store))


def quickly_verified(graph: Graph, snapshot: Snapshot, repeat: int) -> dict[str, Any]:
    """Compare counts and digests; return the best time, and what client and server took of it."""
    times = []
    for _ in range(repeat + 1):
        processor = processor_s(os.getpid())
        checked = verify_quick(graph, snapshot)
        assert checked.ok, str(checked)
        times.append((checked.seconds, processor_s(os.getpid()) - processor))
    seconds, processor = min(times[1:])
    return {
        "quick_verify_s": round(seconds, 2),
        "quick_verify_processor_s": round(processor, 2),
        "quickly_verified_studies_per_s": round(snapshot.num_studies / seconds),
    }


def asked(graph: Graph, repeat: int) -> tuple[dict[str, Any], dict[str, Answer]]:
    """Return the best times of each query, and the answers."""
    seconds: dict[str, tuple[float, float]] = {}
    answers = {}
    with watched() as peak:
        for query in list_queries():
            values = {p.name: NEEDED[p.name] for p in query.parameters if p.default is None}
            times = []
            for _ in range(repeat + 1):
                started, processor = time.perf_counter(), processor_s(os.getpid())
                answers[query.name] = run_query(graph, query.name, values)
                taken = time.perf_counter() - started
                times.append((round(taken, 3), round(processor_s(os.getpid()) - processor, 2)))
            seconds[query.name] = min(times[1:])
            print(query.name, *seconds[query.name], file=sys.stderr)
    slowest = dict(sorted(seconds.items(), key=lambda item: -item[1][0]))
    found = {
        "queries": len(seconds),
        f"over_{LIMIT_S:g}_s": sum(wall > LIMIT_S for wall, _ in seconds.values()),
        "asking_server_peak_MB": round(peak.server / 1e6),
        "queries_s": {name: wall for name, (wall, _) in slowest.items()},
        "queries_processor_s": {name: processor for name, (_, processor) in slowest.items()},
    }
    return found, answers


def table(result: dict[str, Any], engines: list[str]) -> str:
    """Return the measurements as Markdown, a column for each engine."""
    lines = [
        f"| {result['studies']:,} studies, {result['cores']} cores | {' | '.join(engines)} |",
        "|---|" + "---|" * len(engines),
    ]
    for name in dict.fromkeys(name for engine in engines for name in result[engine]):
        cells = [_cell(result[engine].get(name, "")) for engine in engines]
        what = f"slowest {name}" if name.startswith("queries_") else name
        lines.append(f"| {what.replace('_', ' ')} | {' | '.join(cells)} |")
    spent = f"{result['publish_s']} s, {result['publish_peak_MB']:,} MB"
    return "\n".join([*lines, "", f"Invented and published before: {spent}.", ""])


def _cell(value: Any) -> str:
    """Return a number as text, and of the times of all queries the longest."""
    if not isinstance(value, dict):
        return f"{value:,}" if value != "" else ""
    longest = sorted(value.items(), key=lambda item: -item[1])[:SLOWEST]
    return ", ".join(f"{name} {seconds:.1f}" for name, seconds in longest)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--studies", type=int, default=20_000)
    parser.add_argument("--engine", choices=["embedded", "neo4j"], action="append")
    parser.add_argument("--no-queries", action="store_true", help="build and verify only")
    parser.add_argument("--repeat", type=int, default=2, help="measured times each query")
    parser.add_argument("--work", type=Path, help="directory that keeps what is built")
    parser.add_argument("--table", type=Path, help="file for the Markdown table")
    options = parser.parse_args()
    engines = list(dict.fromkeys(options.engine or ["embedded", "neo4j"]))
    result: dict[str, Any] = {"studies": options.studies, "cores": os.cpu_count()}
    answers: list[dict[str, Answer]] = []
    with contextlib.ExitStack() as stack:
        work = options.work or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        snapshot, spent = published(work / f"published-{options.studies}", options.studies)
        result |= spent
        for engine in engines:
            store = work / f"{engine}-{options.studies}"
            result[engine] = built(engine, store, snapshot)
            with served(engine, store) as graph:
                result[engine] |= quickly_verified(graph, snapshot, options.repeat)
                if not options.no_queries:
                    found, rows = asked(graph, options.repeat)
                    result[engine] |= found
                    answers.append(rows)
    different = [
        name for name in (answers or [{}])[0] if any(a[name] != answers[0][name] for a in answers)
    ]
    result["different_answers"] = different
    if options.table:
        options.table.write_text(table(result, engines))
    print(json.dumps(result))
    if different:
        sys.exit(f"the engines differ: {', '.join(different)}")


if __name__ == "__main__":
    main()
