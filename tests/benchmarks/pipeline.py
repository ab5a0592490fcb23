"""How much of the bare extractor's speed is left behind Ray, Parquet and the journal: one JSON.

    python tests/benchmarks/pipeline.py                    the 3,955 reports of Open-i
    python tests/benchmarks/pipeline.py --studies 200000   their texts again, in MIMIC-CXR's layout
    python tests/benchmarks/pipeline.py --studies 50000 --distinct --extractor language

Bare is a process on each core that reads its share of the studies, extracts and keeps nothing, the
index left out; the pipeline is `extract` from start to end, with all that it writes. `language` is
the language model of `small` alone, reading every sentence: a model that takes milliseconds, not
microseconds. `steady` is the middle of the pipeline; before the first unit it indexes and starts
Ray and workers, after the last it gathers and publishes.
"""

import argparse
import json
import os
import shutil
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from radkg.archive import open_archive
from radkg.extractor import SHIPPED, extract_rows, load_extractor
from radkg.run.settings import ExtractConfig
from tests.benchmarks.nights import generate
from tests.benchmarks.nodes import middle_rate
from tests.support.runs.extracting import extract_on_ray, record_times


def language_model(directory: Path) -> str:
    """Write `small` without the one-pass reader that reads reports for it."""
    shutil.copytree(SHIPPED["small"], directory)
    config = json.loads((directory / "config.json").read_text())
    (directory / "config.json").write_text(json.dumps(config | {"copy_reader": None}))
    return str(directory)


def bare(archive_uri: str, extractor_name: str, processes: int) -> float:
    """Return the studies per second of plain loops, one process a core, all at once."""
    shares = [(archive_uri, extractor_name, k, processes) for k in range(processes)]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        return sum(pool.map(_loop, *zip(*shares, strict=True)))


def _loop(archive_uri: str, extractor_name: str, share: int, of: int) -> float:
    archive, extractor = open_archive(archive_uri), load_extractor(extractor_name)
    records = archive.index().to_pylist()[share::of]
    start = time.perf_counter()
    for i in range(0, len(records), 256):
        rows = extract_rows(extractor, archive.read(records[i : i + 256]))
        assert all(row.status != "failed" for row in rows)
    return len(records) / (time.perf_counter() - start)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--studies", type=int, help="repeat the reports to this many studies")
    parser.add_argument("--extractor", default="rules", help="name of the extractor")
    parser.add_argument("--unit-size", type=int, default=256, help="studies in one unit of work")
    parser.add_argument("--distinct", action="store_true", help="a sentence of its own per study")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"  # as a worker of Ray has it, one core each
    cores = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as folder:
        archive, extractor = "openi", options.extractor
        if options.studies:
            made = generate(options.studies, 0, options.distinct)
            archive = str(made.write_zip(Path(folder) / "mimic"))
        if extractor == "language":
            extractor = language_model(Path(folder) / "language")
        bare_rate = bare(archive, extractor, cores)
        config = ExtractConfig(
            archive=archive,
            out=f"{folder}/out",
            extractor=extractor,
            unit_size=options.unit_size,
        )
        done: list[tuple[float, int]] = []
        start = time.perf_counter()
        report = extract_on_ray(config, record_times(done))
        end = time.perf_counter()
        again = extract_on_ray(config)
    first = next(at for at, n in done if n)
    print(
        json.dumps(
            {
                "studies": report.studies,
                "extractor": options.extractor,
                "bare_studies_per_s": round(bare_rate),
                "pipeline_studies_per_s": round(report.studies / report.seconds),
                "pipeline_over_bare": round(report.studies / report.seconds / bare_rate, 3),
                "steady_over_bare": round(middle_rate(done, report.studies) / bare_rate, 3),
                "rerun_over_run": round(again.seconds / report.seconds, 3),
                "seconds": round(report.seconds, 1),
                "before_first_unit_s": round(first - start, 1),
                "after_last_unit_s": round(end - done[-1][0], 1),
                "cores": cores,
            }
        )
    )


if __name__ == "__main__":
    main()
