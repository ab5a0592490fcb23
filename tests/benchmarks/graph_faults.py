"""Disturb and kill loads of both graph engines, and count what is doubled or lost: one JSON.

    python -m tests.benchmarks.graph_faults --faults 500 --kills 12

Faults are delivered by a proxy between the driver and the server, half of them to a client that
routes; kills are SIGKILL for the loader, the server, and both, so many of each. The four parts run
side by side, for they mostly wait; each prints a line when it is done. The tests take a seeded
sample of the same.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from radkg.graph import Graph, open_graph
from radkg.graph.engine.embedded import USER
from tests.support.graph.bolt_faults import draw, kinds
from tests.support.graph.disturbed_loads import (
    Tally,
    load_disturbed,
    load_undisturbed,
    publish_nights,
)
from tests.support.graph.fault_proxy import FaultProxy
from tests.support.graph.killed_loads import WHO, KilledLoads, embedded_place, neo4j_place
from tests.support.graph.servers import run_neo4j

STUDIES = 30
ENGINES = ("embedded", "neo4j")


@contextmanager
def opened(engine: str, folder: Path) -> Iterator[tuple[Graph, tuple[str, str]]]:
    """Give a graph of this engine, and user and password of its server."""
    if engine == "embedded":
        with open_graph("embedded", folder / "store") as graph:
            yield graph, (USER, (folder / "store" / "password").read_text())
    else:
        with run_neo4j() as (uri, password, _), Graph(uri, "neo4j", password) as graph:
            yield graph, ("neo4j", password)


def deliver_faults(engine: str, number: int, seed: int) -> dict[str, Any]:
    """Load through the proxy until so many faults are delivered."""
    rng = random.Random(f"{seed} {engine}")
    tallies: list[Tally] = []
    by_kind: Counter[str] = Counter()
    unknown = retries = 0
    with tempfile.TemporaryDirectory(prefix="graph-faults-") as place:
        snapshots = publish_nights(Path(place) / "published", STUDIES)
        with opened(engine, Path(place)) as (graph, login):
            nights = load_undisturbed(graph, snapshots)
            for routed in (False, True):
                with FaultProxy(graph.address) as proxy:
                    address = proxy.routed if routed else proxy.address
                    calm = load_disturbed(graph, proxy, address, login, nights)
                    assert not calm.given_up
                    begun = proxy.asked["BEGIN"]
                    proxy.disturb(draw(rng, number // 2, kinds(routed), mean=6))
                    rounds = 1
                    while proxy.waiting:
                        tallies.append(load_disturbed(graph, proxy, address, login, nights))
                        rounds += 1
                by_kind.update(each.fault.kind for each in proxy.delivered)
                unknown += sum(each.unknown for each in proxy.delivered)
                retries += proxy.asked["BEGIN"] - rounds * begun
    return {
        "faults": by_kind.total(),
        "by_kind": dict(sorted(by_kind.items())),
        "commits_of_unknown_outcome": unknown,
        "retries": retries,
        **summed(tallies),
    }


def kill_loads(engine: str, number: int, seed: int) -> dict[str, Any]:
    """Load, and kill so many times the loader, as often the server, and as often both."""
    rng = random.Random(f"{seed} kills {engine}")
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="graph-kills-") as folder:
        published = Path(folder) / "published"
        with (embedded_place if engine == "embedded" else neo4j_place)(Path(folder)) as place:
            with open_graph(place.where, place.store) as graph:
                nights = load_undisturbed(graph, publish_nights(published, STUDIES))
            for who in WHO:
                loads = KilledLoads(place, published, nights)
                tallies = []
                while loads.killed < number:
                    tallies.append(loads.round(who, rng))
                counts = {"killed": loads.killed, "went_on": loads.went_on}
                found[who] = counts | summed(tallies)
    return found


def summed(tallies: list[Tally]) -> dict[str, Any]:
    """Return the sums of what came of loads, and the first problems."""
    dicts = [asdict(tally) for tally in tallies]
    found: dict[str, Any] = {
        name: sum(each[name] for each in dicts)
        for name in ("loads", "given_up", "duplicates", "lost")
    }
    problems = [problem for each in dicts for problem in each["problems"]]
    return found | {"num_problems": len(problems), "problems": problems[:10]}


def run_part(part: str, engine: str, number: int, seed: int) -> dict[str, Any]:
    """Run faults or kills on one engine, in a process of its own."""
    started = time.perf_counter()
    found = (deliver_faults if part == "faults" else kill_loads)(engine, number, seed)
    return found | {"seconds": round(time.perf_counter() - started)}


def main() -> None:
    """Disturb, kill and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--faults", type=int, default=500, help="on each engine")
    parser.add_argument("--kills", type=int, default=12, help="of each kind, on each engine")
    parser.add_argument("--engine", choices=ENGINES, action="append", help="default: both")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    engines = options.engine or ENGINES
    result: dict[str, Any] = {"seed": options.seed, "studies": STUDIES}
    with ProcessPoolExecutor(4) as pool:
        parts = {
            pool.submit(run_part, part, engine, number, options.seed): f"{part}, {engine}"
            for part, number in (("faults", options.faults), ("kills", options.kills))
            for engine in engines
            if number
        }
        for done in as_completed(parts):
            result[parts[done]] = done.result()
            print(json.dumps({parts[done]: done.result()}), flush=True)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
