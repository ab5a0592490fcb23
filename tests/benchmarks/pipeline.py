"""How much of the bare extractor's speed is left behind Ray, Parquet and the journal: one JSON.

    python tests/benchmarks/pipeline.py                    the 3,955 reports of Open-i
    python tests/benchmarks/pipeline.py --studies 200000   the same reports, repeated

Bare is one process that reads, extracts and keeps nothing; the pipeline is `extract`, with all
that it writes. Ratios of one run are what counts; `efficiency` compares with the bare loop on
every core.
"""

import argparse
import io
import json
import os
import re
import tarfile
import tempfile
import time
from pathlib import Path

import ray

from radkg.archive import open_archive
from radkg.cluster.data import extract
from radkg.extractor import extract_rows, load_extractor
from radkg.run.settings import ExtractConfig


def repeated(studies: int, path: Path) -> str:
    """Write the wheel's reports again and again, each copy a study of its own."""
    archive = open_archive("openi")
    index = archive.index().to_pylist()
    with tarfile.open(index[0]["source"]) as tar:
        texts = [tar.extractfile(record["member"]).read() for record in index]  # type: ignore[union-attr]
    with tarfile.open(path, "w") as out:
        for number in range(studies):
            data = re.sub(rb"<uId[^>]*>", b'<uId id="CXR%d"/>' % number, texts[number % len(texts)])
            info = tarfile.TarInfo(f"ecgen-radiology/{number}.xml")
            info.size = len(data)
            out.addfile(info, io.BytesIO(data))
    return str(path)


def bare(archive_uri: str, extractor_name: str) -> float:
    """Return the seconds of a plain loop over the archive, after the index."""
    archive, extractor = open_archive(archive_uri), load_extractor(extractor_name)
    records = archive.index().to_pylist()
    start = time.perf_counter()
    for i in range(0, len(records), 256):
        rows = extract_rows(extractor, archive.read(records[i : i + 256]))
        assert all(row.status != "failed" for row in rows)
    return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--studies", type=int, help="repeat the reports to this many studies")
    parser.add_argument("--extractor", default="rules", help="name of the extractor")
    parser.add_argument("--unit-size", type=int, default=256, help="studies in one unit of work")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        archive = "openi"
        if options.studies:
            archive = repeated(options.studies, Path(folder) / "repeated.tar")
        bare_s = bare(archive, options.extractor)
        config = ExtractConfig(
            archive=archive,
            out=f"{folder}/out",
            extractor=options.extractor,
            unit_size=options.unit_size,
        )
        start = time.perf_counter()
        ray.init(address="local", include_dashboard=False, log_to_driver=False)
        ray_start_s = time.perf_counter() - start
        report = extract(config)
        again = extract(config)
        ray.shutdown()
    cores = os.cpu_count() or 1
    print(
        json.dumps(
            {
                "studies": report.studies,
                "bare_studies_per_s": round(report.studies / bare_s),
                "pipeline_studies_per_s": round(report.studies / report.seconds),
                "pipeline_over_bare": round(bare_s / report.seconds, 3),
                "efficiency": round(bare_s / cores / report.seconds, 3),
                "rerun_over_run": round(again.seconds / report.seconds, 3),
                "ray_start_s": round(ray_start_s, 1),
                "cores": cores,
            }
        )
    )


if __name__ == "__main__":
    main()
