"""Hostile files by the ten thousand: python tests/benchmarks/fuzz.py --files 50000 --seed 0

Prints one line of JSON: cases by kind, what came of them, what may not be and did (exit code 1),
the slowest, the largest memory. `--only N` replays one of a seed and shows where it ended. With
RADKG_TEST_DATA real DICOM files are parents too; the same numbers are then other files.
"""

import argparse
import json
import sys
import tempfile
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.support.archives.entry_points import Outcome, run_cases
from tests.support.archives.fuzzing import make_hostile_case


def survey(seed: int, numbers: range, children: int, seconds: float) -> list[Outcome]:
    """Return what came of each case, as many as fit into the time."""
    end = time.monotonic() + seconds

    def walk(folder: Path, part: range) -> list[Outcome]:
        found = []
        for begin in range(0, len(part), 500):  # a child for 500: none grows old
            if time.monotonic() < end:
                found += run_cases(
                    partial(make_hostile_case, seed), part[begin : begin + 500], folder
                )
        return found

    with tempfile.TemporaryDirectory() as root, ThreadPoolExecutor(children) as threads:
        folders = [Path(root, str(i)) for i in range(children)]
        for folder in folders:
            folder.mkdir()
        parts = [numbers[i::children] for i in range(children)]
        return [outcome for found in threads.map(walk, folders, parts) for outcome in found]


def summary(found: list[Outcome]) -> dict[str, object]:
    """Return the numbers of a survey."""
    results: dict[str, Counter[str]] = defaultdict(Counter)
    for outcome in found:
        results[outcome.kind].update(outcome.results)
    bad = Counter(o.forbidden.split("\n")[0].partition(":")[0] for o in found if o.forbidden)
    slowest, largest = max(found, key=lambda o: o.seconds), max(found, key=lambda o: o.memory)
    return {
        "files": len(found),
        "by_kind": Counter(outcome.kind for outcome in found),
        "outcomes": results,
        "crashes": bad["crash"],
        "hangs": bad["hang"],
        "over_memory": bad["over memory"],
        "other_exceptions": bad["exception"],
        "distinct_reasons": len(set().union(*(o.reasons for o in found))),
        "slowest": {"number": slowest.number, "seconds": round(slowest.seconds, 2)},
        "largest": {"number": largest.number, "MiB": largest.memory >> 20},
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="replay this number alone")
    parser.add_argument("--children", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="then no more begin")
    args = parser.parse_args()
    numbers = range(args.files) if args.only is None else range(args.only, args.only + 1)
    start = time.monotonic()
    found = survey(args.seed, numbers, args.children, args.seconds)
    for outcome in found:
        if outcome.forbidden or args.only is not None:
            said = outcome.forbidden or f"{dict(outcome.results)} {sorted(outcome.reasons)}"
            print(f"{outcome.number} {outcome.kind}: {said}", file=sys.stderr)
    print(
        json.dumps(summary(found) | {"seed": args.seed, "wall_s": round(time.monotonic() - start)})
    )
    return int(any(outcome.forbidden for outcome in found))


if __name__ == "__main__":
    sys.exit(main())
