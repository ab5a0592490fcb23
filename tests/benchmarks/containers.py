"""What a run costs a study beside its extractor, for each container: one JSON, in microseconds.

    python tests/benchmarks/containers.py

The same reports as a tree, zip, tar, tar.gz and Parquet table, with an extractor that does nothing
(tests.support.runs.extractors:words). `index` and `read` are one process without Ray; `run` is the
slope of whole runs of half and of all studies, so that what Ray and imports cost once is left out:
index, reading, Ray, Parquet, journal and publication, on all cores together.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import ray

from radkg.archive import open_archive
from radkg.run.settings import ExtractConfig
from tests.support.archives.mimic import Mimic, make_mimic
from tests.support.runs.extracting import extract_on_ray

KINDS = ("tree", "zip", "tar", "tar.gz", "parquet")


def write(made: Mimic, folder: Path, kind: str) -> str:
    """Write reports and tables, and return the archive."""
    if kind == "parquet":
        folder.mkdir(parents=True)
        reports = [data.decode() for data in made.reports.values()]
        table = pa.table({"study_id": list(made.reports), "report": reports})
        pq.write_table(table, folder / "reports.parquet", row_group_size=4096)
        return str(folder / "reports.parquet")
    if kind == "tree":
        return str(made.write_tree(folder))
    if kind == "zip":
        return str(made.write_zip(folder))
    return str(made.write_tar(folder, "w:gz" if kind == "tar.gz" else "w"))


def alone(archive_uri: str) -> tuple[float, float]:
    """Return the microseconds a study takes to be indexed and to be read, in this process."""
    archive = open_archive(archive_uri)
    start = time.perf_counter()
    records = archive.index().to_pylist()
    indexed = time.perf_counter()
    for i in range(0, len(records), 256):
        assert len(list(archive.read(records[i : i + 256]))) > 0
    read = time.perf_counter()
    return 1e6 * (indexed - start) / len(records), 1e6 * (read - indexed) / len(records)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--studies", type=int, default=40_000, help="of the larger archives")
    options = parser.parse_args()
    os.environ["PYTHONPATH"] = os.getcwd()  # of the workers, which need tests.support
    ray.init(address="local", include_dashboard=False, log_to_driver=False)
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        sizes = (options.studies // 2, options.studies)
        archives = [make_mimic(size, images_per_study=0) for size in sizes]
        for kind in KINDS:
            seconds = []
            for size, made in zip(sizes, archives, strict=True):
                uri = write(made, Path(folder) / kind / str(size), kind)
                config = ExtractConfig(
                    archive=uri,
                    out=f"{folder}/out/{kind}/{size}",
                    extractor="tests.support.runs.extractors:words",
                )
                seconds.append(extract_on_ray(config).seconds)
            index_us, read_us = alone(uri)
            slope = 1e6 * (seconds[1] - seconds[0]) / (sizes[1] - sizes[0])
            found[kind] = {
                "index": round(index_us),
                "read": round(read_us),
                "run": round(slope),
                "once_s": round(seconds[1] - slope * sizes[1] / 1e6, 1),
            }
    ray.shutdown()
    print(json.dumps({"studies": options.studies, "us": found, "cores": os.cpu_count()}))


if __name__ == "__main__":
    main()
