"""A whole archive in MIMIC-CXR-JPG's layout through its nights, by the installed command: one JSON.

    python tests/benchmarks/nights.py --studies 227835
    python tests/benchmarks/nights.py --studies 20000 --place s3 --reports zip --images tar \
        --extractor small

The texts are Open-i's, again and again, so sentences repeat and a reader's cache helps; with
`--distinct` every study has a sentence of its own. Nights: the first, the same again, one with 1 %
of the reports changed; then a first run that is killed at half of its units and run again. With
--place s3 a real server (moto, slow at ranges) holds archive and run. What a night costs is told in
seconds and in processor seconds, for each stage, and as a share of the first night.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import itertools
import json
import os
import re
import resource
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from PIL import Image

from radkg.archive import open_archive
from radkg.schema.records import Study
from radkg.storage import Storage, open_storage
from tests.support.archives.mimic import Mimic, make_mimic
from tests.support.faults.s3_server import served_bucket, upload
from tests.support.runs.demo_run import RADKG, user_environment
from tests.support.runs.processes import processor_s

PUBLISHED = 9.5  # reports/s of radgraph 0.1.18 on an A100, from the METADATA of radlabels 0.2.0
_STAGE = re.compile(r"(.+?): (\d+\.\d) s(?:, [\d,]+ (?:done|failed))*")


def texts() -> list[str]:
    """Return the reports of Open-i as MIMIC lays reports out."""
    archive = open_archive("openi")
    found = archive.read(archive.index().to_pylist())
    return [_laid_out(study) for study in found if isinstance(study, Study)]


def _laid_out(study: Study) -> str:
    parts = [f" {s.name.upper()}: \n \n {study.report[s.start : s.end]}" for s in study.sections]
    return f"{'':33}FINAL REPORT\n" + "\n \n".join(parts) + "\n"


def generate(studies: int, images: int, distinct: bool) -> Mimic:
    """Return the archive of the first night."""
    made = make_mimic(studies, images)
    reports = itertools.cycle(texts())
    for number, name in enumerate(made.reports):
        own = f" A nodule of {number / 1000:.3f} cm is seen.\n" if distinct else ""
        made.reports[name] = (next(reports) + own).encode()
    pictures = itertools.cycle(_pictures(64))
    made.images = {name: next(pictures) for name in made.images}
    return made


def _pictures(number: int) -> list[bytes]:
    """Return JPEGs of 320 x 256 px: a bright oval on noise, as far as a decoder is concerned."""
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[-1:1:320j, -1:1:256j]
    found = []
    for _ in range(number):
        oval = 120 * np.exp(-4 * ((rows - random.normal(0, 0.1)) ** 2 + columns**2))
        file = io.BytesIO()
        pixels = (oval + random.normal(60, 12, oval.shape)).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(file, "JPEG", quality=90)
        found.append(file.getvalue())
    return found


def write(made: Mimic, folder: Path, reports: str, images: str | None) -> None:
    """Write reports and tables as reports/, images as images/."""
    make = made.write_zip if reports == "zip" else made.write_tar
    make(folder / "reports")
    if images:
        made.pack_images(folder / "images", images)


def run(*arguments: str) -> dict[str, Any]:
    """Run the installed command; return its JSON, the seconds that a user waits, and its stages.

    Of each stage the seconds, and the processor seconds of all processes since the stage before.
    """
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    said, stages, until = [], {}, 0.0
    with subprocess.Popen(
        [RADKG, *arguments, "--json"],
        env=user_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout
        assert running.stderr
        for line in running.stderr:
            said.append(line)
            if stage := _STAGE.fullmatch(line.strip()):
                used = processor_s(running.pid)
                stages[stage[1]] = (float(stage[2]), round(used - until, 2))
                until = used
        printed = running.stdout.read()
    assert running.returncode == 0, "".join(said)
    report: dict[str, Any] = json.loads(printed.splitlines()[-1] or "null")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return report | {
        "wall_s": round(time.perf_counter() - start, 1),
        "processor_s": round(used, 2),
        "stages": stages | {"end": (0.0, round(max(0.0, used - until), 2))},
    }


def share_of(night: dict[str, Any], first: dict[str, Any]) -> dict[str, float]:
    """Return what a night took of the processor seconds of the first: in all, and each stage.

    The share of a stage is of the whole first night, so that the stages add up.
    """
    whole = first["processor_s"]
    each = {name: round(used / whole, 4) for name, (_, used) in night["stages"].items()}
    return {"in all": round(night["processor_s"] / whole, 4), **each}


def killed_at_half(arguments: list[str], storage: Storage, units: int) -> None:
    """Start an extraction and SIGKILL it once half of its units stand."""
    driver = subprocess.Popen(
        [RADKG, "extract", *arguments],
        env=user_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while len(storage.list_names("journal")) < units // 2:
        assert driver.poll() is None, "the run ended before it could be killed"
        time.sleep(0.2)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    time.sleep(5)  # its workers notice, and end


def studies_in(storage: Storage, name: str) -> int:
    """Return the rows of a finished unit."""
    return int(pq.read_metadata(io.BytesIO(storage.read(name))).num_rows)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--studies", type=int, default=20_000, help="studies of the archive")
    parser.add_argument("--extractor", default="onepass", help="name of the extractor")
    parser.add_argument("--reports", choices=["zip", "tar"], default="zip", help="container")
    parser.add_argument("--images", choices=["zip", "tar", "zips", "tars"], help="container")
    parser.add_argument("--place", choices=["disk", "s3"], default="disk", help="of the archive")
    parser.add_argument("--runner", choices=["local", "ray", "auto"], default="auto")
    parser.add_argument(
        "--gate", help="share of flips that every night may have, as `radkg` has it"
    )
    parser.add_argument("--distinct", action="store_true", help="a sentence of its own per study")
    parser.add_argument(
        "--quick", action="store_true", help="leave out the killed run, and to verify twice"
    )
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        home = stack.enter_context(served_bucket()) if options.place == "s3" else str(folder)

        def put(made: Mimic, night: str) -> list[str]:
            write(made, folder / night, options.reports, options.images)
            if options.place == "s3":
                upload(folder / night, f"{home}/{night}")
            images = ["--images", f"{home}/{night}/images"] if options.images else []
            return ["--archive", f"{home}/{night}/reports", *images]

        made = generate(options.studies, 1 if options.images else 2, options.distinct)
        if not options.images:
            made.images = {}
        first_place = put(made, "first")
        for name in list(made.reports)[::100]:
            made.reports[name] += b" There is a small left pleural effusion.\n"
        changed_place = put(made, "changed")
        del made

        out, extractor = f"{folder}/out", ["--extractor", options.extractor]
        nightly = ["nightly", "--out", out, *extractor, "--runner", options.runner]
        nightly += ["--gate", options.gate] if options.gate else []
        first = run(*nightly, *first_place)
        again = run(*nightly, *first_place)
        changed = run(*nightly, *changed_place)
        extraction_s = first["stages"]["extract triplets"][0]
        found = {
            "studies": first["studies"],
            "first_night_s": first["wall_s"],
            "first_night_processor_s": first["processor_s"],
            "first_night_stages": first["stages"],
            "changed_night_stages": changed["stages"],
            "changed_night_share": share_of(changed, first),
            "same_night_share": share_of(again, first),
            "studies_per_s": round(options.studies / extraction_s),
            "over_radgraph_published": round(options.studies / extraction_s / PUBLISHED),
            "relationships": run("load", "--out", out)["relationships"],
            "same_night_over_first": round(again["wall_s"] / first["wall_s"], 4),
            "changed_studies": changed["extracted"],
            "changed_night_over_first": round(changed["wall_s"] / first["wall_s"], 4),
            "verified": first["verified"],
        }
        if not options.quick:
            assert run("verify", "--out", out)["ok"]
            storage = open_storage(f"{home}/killed")
            extract = ["--out", storage.uri, *extractor, *first_place]
            units = max(2, options.studies // 256)
            killed_at_half(extract, storage, units)
            done = sum(studies_in(storage, name) for name in storage.list_names("journal"))
            begun = len({n.rpartition("-")[0] for n in storage.list_names("attempts")})
            resumed = run("extract", *extract)
            quiet = run("extract", "--out", f"{home}/quiet", *extractor, *first_place)
            assert resumed["snapshot_id"] == quiet["snapshot_id"]
            assert resumed["extracted"] == options.studies - done
            lost = begun * options.studies / units  # read before the kill, and read again
            found |= {
                "done_before_the_kill": round(done / options.studies, 3),
                "passes_in_all": round(1 + lost / options.studies, 4),
            }
        print(json.dumps(found | vars(options) | {"cores": os.cpu_count()}))


if __name__ == "__main__":
    main()
