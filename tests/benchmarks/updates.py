"""Load a population, then nights in which 1 % of it changed; print one JSON with the ratios.

    python -m tests.benchmarks.updates --studies 200000
    NEO4J_URI=bolt://localhost:7687 NEO4J_PASSWORD=... python -m tests.benchmarks.updates

On the embedded engine, and on the Neo4j at NEO4J_URI (which is EMPTIED) or one that Maven brings.
The concepts follow Zipf's law; other studies are loaded first, unmeasured, for the engine's
compiler to warm up. Two kinds of nights, each there and back, so that the second pass
of each shows what a warm engine takes:

    sentence    every hundredth report has one sentence more, with a finding and its place
    reread      every hundredth report is read anew, as another one: only concepts may stay
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from radkg.graph import Graph, open_graph
from radkg.graph.load.loader import load
from radkg.graph.verify.full import verify
from radkg.run.snapshot import Snapshot, publish
from radkg.schema.arrow import EXTRACTION_SCHEMA
from tests.benchmarks.load import neo4j
from tests.support.graph.servers import clear_graph
from tests.support.graph.zipf import publish_zipf
from tests.support.runs.extractions import InventedSnapshot, invent

EVERY = 100


def changed(before: Snapshot, kind: str) -> Snapshot:
    """Publish the night after: every hundredth study differs."""
    whole = pa.concat_tables(before.read_tables())
    chosen = np.arange(whole.num_rows) % EVERY == 0
    studies = whole.filter(pa.array(chosen)).to_pylist()
    for study, other in zip(studies, [*studies[1:], *studies[:1]], strict=True):
        if kind == "reread":
            study |= {"entities": other["entities"], "relations": other["relations"]}
        else:
            finding, place = dict(study["entities"][0]), dict(study["entities"][1])
            finding |= {"text": "effusion", "label": "OBS-DP", "concept": "effusion"}
            place |= {"text": "left base", "label": "ANAT-DP", "concept": "base"}
            first = len(study["entities"])
            located = {"head": first, "tail": first + 1, "relation": "located_at"}
            located["confidence"] = 0.5
            study["entities"] = [*study["entities"], finding, place]
            study["relations"] = [*study["relations"], located]
        study["study_fingerprint"] += f" {kind}"
    rest = whole.filter(pa.array(~chosen))
    night = pa.concat_tables([rest, pa.Table.from_pylist(studies, EXTRACTION_SCHEMA)])
    return publish(before.storage, night.sort_by("study_id"))


def measure(graph: Graph, first: Snapshot, nights: dict[str, Snapshot]) -> dict[str, Any]:
    """Load them one after the other; return seconds, and those of a change over the first."""
    writers = graph.engine.default_writers
    load(graph, InventedSnapshot(invent(max(100, first.num_studies // 10), seed=1)))
    clear_graph(graph)
    whole = seconds(graph, first, writers)
    found: dict[str, Any] = {"writers": writers, "first_seconds": round(whole, 2)}
    for kind, night in nights.items():
        spent = [seconds(graph, each, writers) for each in (night, first, night, first)]
        found[kind] = {
            "seconds": [round(each, 2) for each in spent],
            "ratio": round(spent[0] / whole, 4),
            "warm_ratio": round(min(spent) / whole, 4),
        }
    report = verify(graph, first)
    assert report.ok, str(report)
    return found


def seconds(graph: Graph, night: Snapshot, writers: int) -> float:
    """Load a night; return what it took."""
    started = time.perf_counter()
    load(graph, night, writers=writers)
    return time.perf_counter() - started


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--studies", type=int, default=20_000)
    arguments = parser.parse_args()
    result: dict[str, Any] = {"studies": arguments.studies, "cores": os.cpu_count()}
    with tempfile.TemporaryDirectory() as temporary:
        first = publish_zipf(Path(temporary) / "published", arguments.studies)
        nights = {kind: changed(first, kind) for kind in ("sentence", "reread")}
        with open_graph("embedded", Path(temporary) / "store") as graph:
            result["embedded"] = measure(graph, first, nights)
        if os.environ.get("NEO4J_URI") or (shutil.which("java") and shutil.which("mvn")):
            with neo4j() as graph:
                result["neo4j"] = measure(graph, first, nights)
        else:
            print("no Neo4j: set NEO4J_URI, or install java and mvn", file=sys.stderr)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
