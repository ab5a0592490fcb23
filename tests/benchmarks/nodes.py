"""How a run scales over nodes whose model takes time and no processor: one JSON.

    python tests/benchmarks/nodes.py

Nodes of ray.cluster_utils, one worker each, all on this machine; a study takes 4 ms of its worker
(tests.support.runs.extractors:sleeping). `whole` compares the run's time with the studies' own,
start and publication included; `steady` looks at the middle of the run alone. What limits either on
one machine is its own cores: driver, raylets and workers share them.
"""

import argparse
import json
import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from radkg.run.settings import ExtractConfig
from tests.support.archives.openi import make_studies, write_tar
from tests.support.ray.nodes import Nodes
from tests.support.runs import EXTRACTORS
from tests.support.runs.extracting import extract_on_ray, record_times

STUDY_S = 0.004


def scaled(archive: str, nodes: int, count: int, out: str) -> dict[str, float]:
    """Run over this many nodes; return the share of the time that the studies themselves take."""
    with (
        Nodes(nodes, head_cpus=0) as cluster,
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as home,
    ):
        seconds, done = home.submit(drive, archive, cluster.address, out).result()
    return {
        "seconds": round(seconds, 1),
        "whole": round(count * STUDY_S / nodes / seconds, 3),
        "steady": round(middle_rate(done, count) * STUDY_S / nodes, 3),
    }


def middle_rate(done: Sequence[tuple[float, int]], count: int) -> float:
    """Return the studies per second of the middle of a run of `count` studies.

    Args:
        done: seconds, and how many studies were finished then.
        count: studies of the run; of these the first and the last fifth are left out.
    """
    (first, few), *_, (last, many) = [(at, n) for at, n in done if 0.2 <= n / count <= 0.8]
    return (many - few) / (last - first)


def drive(archive: str, address: str, out: str) -> tuple[float, list[tuple[float, int]]]:
    """Be the driver of a run; return its seconds, and when how many studies were done."""
    os.environ["RAY_ADDRESS"] = address
    done: list[tuple[float, int]] = []
    config = ExtractConfig(archive=archive, out=out, extractor=f"{EXTRACTORS}:sleeping")
    report = extract_on_ray(config, record_times(done))
    return report.seconds, done


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--studies", type=int, default=30_000, help="of each run")
    parser.add_argument("--nodes", type=int, nargs="+", default=[1, 2, 4], help="of the runs")
    options = parser.parse_args()
    os.environ["PYTHONPATH"] = os.getcwd()  # of the workers, which need tests.support
    with tempfile.TemporaryDirectory() as folder:
        archive = str(write_tar(Path(folder) / "a.tar", make_studies(options.studies), "w"))
        found = {
            str(nodes): scaled(archive, nodes, options.studies, f"{folder}/{nodes}")
            for nodes in options.nodes
        }
    print(json.dumps({"studies": options.studies, "nodes": found, "cores": os.cpu_count()}))


if __name__ == "__main__":
    main()
