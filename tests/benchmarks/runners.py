"""The demo on each runner, in turns, by the installed command: one JSON with seconds and the ratio.

    python -m tests.benchmarks.runners --repeat 3

The first run of each runner is not counted: it reads the wheels from the disk. All runs publish the
same snapshot, or the script fails.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.support.runs.demo_run import radkg

RUNNERS = ("local", "ray")


def run_demo(runner: str, out: Path) -> dict[str, float | str]:
    """Run the demo; return its seconds, those of its extraction, and what it published."""
    start = time.perf_counter()
    done = radkg("demo", "--json", "--runner", runner, "--out", str(out))
    seconds = time.perf_counter() - start
    if done.returncode:
        sys.exit(f"the demo on {runner} ended with {done.returncode}: {done.stderr[-2000:]}")
    (line,) = [x for x in done.stderr.splitlines() if x.startswith("extract triplets: ")][-1:]
    extraction = float(line.removeprefix("extract triplets: ").split(" s")[0])
    snapshot = (out / "snapshot" / "CURRENT").read_text().strip()
    return {"demo_s": seconds, "extraction_s": extraction, "snapshot": snapshot}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3, help="counted runs of each runner")
    options = parser.parse_args()
    runs: dict[str, list[dict[str, float | str]]] = {runner: [] for runner in RUNNERS}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(options.repeat + 1):
            for runner in RUNNERS:
                found = run_demo(runner, Path(folder) / f"{runner}-{number}")
                if number:
                    runs[runner].append(found)
    snapshots = {found["snapshot"] for each in runs.values() for found in each}
    if len(snapshots) != 1:
        sys.exit(f"the runners published different snapshots: {snapshots}")
    median = {
        runner: {
            name: round(statistics.median(float(found[name]) for found in each), 1)
            for name in ("demo_s", "extraction_s")
        }
        for runner, each in runs.items()
    }
    print(
        json.dumps(
            {
                "date": datetime.now(UTC).date().isoformat(),
                "cores": os.cpu_count(),
                "machine": platform.machine(),
                "median": median,
                "local_over_ray": {
                    name: round(median["local"][name] / median["ray"][name], 3)
                    for name in ("demo_s", "extraction_s")
                },
                "snapshot": snapshots.pop(),
            }
        )
    )


if __name__ == "__main__":
    main()
