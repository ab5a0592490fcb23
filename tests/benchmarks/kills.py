"""Kill runs everywhere and compare what they publish with an undisturbed run: one JSON.

    python tests/benchmarks/kills.py            every step of three histories, S3 faults, full disks
    python tests/benchmarks/kills.py --real     a real Ray: worker, actor, node, driver, head, hosts

`differing` counts runs after which anything was wrong, and `problems` says what. The tests take a
seeded sample of the same.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.faults.s3_proxy import PASSING, faulty
from tests.support.faults.s3_runs import PATIENCE_S, FaultyRuns, chosen
from tests.support.faults.s3_server import served_bucket
from tests.support.ray.hosts import hosts
from tests.support.ray.nodes import Nodes
from tests.support.ray.real_kills import (
    KINDS,
    WORKERS,
    cut_off,
    disturb_really,
    graph_digest,
    ray_environment,
    undisturbed,
)
from tests.support.runs.disks import small_disk
from tests.support.runs.fork_server import Nursery
from tests.support.runs.kills import History, Outcome, crowd, disturb, histories, points

LASTING = {"expired": "renew or check", "internal error": "run the same", "dropped": "check AWS"}


def summed(outcomes: list[Outcome]) -> dict[str, Any]:
    """Return the counts of many runs."""
    return {
        "points": len(outcomes),
        "kills": sum(outcome.kills for outcome in outcomes),
        "repeated_units": sum(outcome.repeated_units for outcome in outcomes),
        "differing": sum(bool(outcome.problems) for outcome in outcomes),
        "problems": [problem for outcome in outcomes for problem in outcome.problems][:10],
    }


def simulated(folder: Path, seed: int) -> Iterator[tuple[str, list[Outcome]]]:
    """Yield what came of every point, by what was done."""
    with Nursery(folder / "read") as nursery:
        runs = histories(folder, nursery)
        for name, history in runs.items():
            kills = points(history, seed)
            yield name, [disturb(nursery, history, steps) for steps in kills]
        with small_disk(folder / "small") as disk:
            yield "full disk", [crowd(nursery, history, disk, 8) for history in runs.values()]
        (folder / "s3").mkdir()
        yield from on_s3(nursery, histories(folder / "s3", nursery, 8), seed)


def on_s3(
    nursery: Nursery, runs: dict[str, History], seed: int
) -> Iterator[tuple[str, list[Outcome]]]:
    """Yield what came of faults and kills at requests, by what was done."""
    with (
        served_bucket() as bucket,
        faulty(os.environ["AWS_ENDPOINT_URL"], PATIENCE_S) as proxy,
    ):
        faults = FaultyRuns(nursery, proxy, bucket)
        for name, history in runs.items():
            total = faults.requests(history)
            yield (
                f"s3, {name}, small faults",
                [
                    faults.pass_through(history, kind, request)
                    for kind in PASSING
                    for request in chosen(total, f"{seed} {kind}", 3)
                ],
            )
            yield (
                f"s3, {name}, lasting faults",
                [
                    faults.recover(history, kind, request, hint)
                    for kind, hint in LASTING.items()
                    for request in chosen(total, f"{seed} {kind}", 1)
                ],
            )
            yield (
                f"s3, {name}, kills",
                [faults.kill(history, [n]) for n in chosen(total, str(seed), 6)],
            )


def real(folder: Path, seed: int) -> Iterator[tuple[str, list[Outcome]]]:
    """Yield what came of kills of a real Ray, by what was killed."""
    history, units, expected = undisturbed(folder)
    with ray_environment(folder, history) as die:
        with Nodes(WORKERS - 1) as nodes:
            for kind in KINDS:
                after = [
                    n + 1 for n in chosen(units - 4, f"{seed} {kind}", 2 if kind == "head" else 5)
                ]
                outcome = disturb_really(nodes, history, die, kind, after)
                if graph_digest(history, folder / f"graph {kind}") != expected:
                    outcome.problems.append("the graph is another one")
                yield f"real, {kind}", [outcome]
        with hosts() as found:
            for kind in ("blip", "killed", "cut"):
                outcome = cut_off(found, history, kind, chosen(units // 2, f"{seed} {kind}", 1)[0])
                if graph_digest(history, folder / f"graph {kind}") != expected:
                    outcome.problems.append("the graph is another one")
                yield f"real, host {kind}", [outcome]


def main() -> None:
    """Kill and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--real", action="store_true", help="kill a real Ray instead")
    parser.add_argument("--seed", type=int, default=0, help="chooses later kills and requests")
    options = parser.parse_args()
    start, found = time.perf_counter(), {}
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        for name, outcomes in (real if options.real else simulated)(Path(folder), options.seed):
            found[name] = summed(outcomes)
            seconds = round(time.perf_counter() - start)
            print(json.dumps({name: found[name], "seconds": seconds}), flush=True)
    print(json.dumps({"seed": options.seed, **found}))


if __name__ == "__main__":
    main()
