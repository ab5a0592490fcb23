"""How busy a runner keeps devices of a stated speed, which sleep; one JSON a line.

    python -m tests.benchmarks.streaming --runner local --devices 1 2 4 --speeds 17700 40000
    python -m tests.benchmarks.streaming --runner ray --devices 1 2 4 --speeds 17700 40000
    python -m tests.benchmarks.streaming --images 300 --speeds 10 20 30

A device takes the time that a language model of that many tokens a second would, and no processor:
it stands for a GPU that this machine does not have. Everything around it is real: reading, cutting
into sentences, naming concepts, checks, Parquet, the commit. The busy share of a device is its
sleep between its first and its last token; with --images it is that of a device that looks at so
many images a second, while this machine decodes real JPEGs of 2,544 x 3,056 px beside it, and the
processor seconds of an image say how many CPUs such a device needs.

The script runs with older commits of radkg too, for a table of before and after.
"""

import argparse
import json
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image as PilImage

from radkg.errors import ArchiveError
from radkg.extractor import PreparedImages
from radkg.extractor.images import prepare_image
from radkg.extractor.sentencewise import SentencewiseReader, make_extraction
from radkg.model.calibration import UNCALIBRATED
from radkg.model.vision.preprocessing import Preprocessing
from radkg.run.local import LocalRunner
from radkg.run.settings import ExtractConfig
from radkg.schema.linearize import Reading
from radkg.schema.records import Condition, Extraction, Study
from radkg.schema.sentences import find_words
from radkg.verbs.extract import extract

SPEED, BUSY = "RADKG_TEST_SPEED", "RADKG_TEST_BUSY"
TOKENS_A_WORD = 2.2  # read once with the prompt's share, and written about as often
HERE = "tests.benchmarks.streaming"
LABELS = {"opacity": "OBS-DP", "effusion": "OBS-DP", "base": "ANAT-DP", "left": "ANAT-DP"}
SENTENCES = (
    "There is a {n} mm opacity in the left base",
    "A small effusion of {n} ml is seen at the left base",
    "The tip of the catheter lies {n} mm above the carina and is unchanged in position",
    "Opacity {n} is more conspicuous than on the earlier film and may represent atelectasis",
    "The cardiac silhouette measures {n} mm and is at the upper limit of normal in size",
    "No further effusion, and no opacity other than number {n} at the right base",
)


class Device:
    """Sleeps as long as a device of SPEED would compute, one call at a time, and writes it down."""

    def __init__(self) -> None:
        self._speed = float(os.environ[SPEED])
        self._lock = threading.Lock()
        self._log = Path(os.environ[BUSY], str(os.getpid()))

    def compute(self, amount: float) -> None:
        """Take the time of so many tokens, or images."""
        with self._lock:
            start = time.time()
            time.sleep(amount / self._speed)
            with self._log.open("a") as file:
                file.write(f"{start} {time.time()}\n")


class SleepingModel:
    """Reads reports as radkg's own models do, but for the language model, which is a Device."""

    name = "sleeping"
    model_id = "sleeping-1"
    condition: Condition = "report"
    calls_at_once = 2

    def __init__(self) -> None:
        self._device: Device | None = None
        self._read = SentencewiseReader(self._answer, UNCALIBRATED)

    def __call__(self, studies: Sequence[Study]) -> list[Extraction]:
        return [
            make_extraction(self, study, *found)
            for study, found in zip(studies, self._read(studies), strict=True)
        ]

    def _answer(self, sentences: Sequence[str]) -> list[Reading]:
        found = [find_words(sentence) for sentence in sentences]
        self._device = self._device or Device()
        self._device.compute(TOKENS_A_WORD * sum(map(len, found)))
        readings = []
        for words in found:
            spans = tuple((a, b, LABELS[w]) for w, a, b in words if w in LABELS)
            readings.append(Reading(spans, (), (1.0,) * len(spans)))
        return readings


class SleepingEye(SleepingModel):
    """Looks at the images of studies, which are prepared beside it or by itself."""

    condition: Condition = "image+report"
    model_id = "sleeping-eye-1"
    preprocessing = Preprocessing(side=224)

    def __call__(
        self, studies: Sequence[Study], images: PreparedImages | None = None
    ) -> list[Extraction]:
        seen = 0
        for study in studies:
            for image in study.images:
                if image.location is None:
                    raise ArchiveError(f"{image.image_id} is not at hand")
                prepare_image(image.location, self.preprocessing, images)
                seen += 1
        self._device = self._device or Device()
        self._device.compute(seen)
        return [make_extraction(self, study, (), ()) for study in studies]


def model() -> SleepingModel:
    """Return what reads reports."""
    return SleepingModel()


def eye() -> SleepingModel:
    """Return what looks at images."""
    return SleepingEye()


def write_reports(path: Path, studies: int) -> Path:
    """Write a JSONL archive of reports of about 70 words, each sentence its own."""
    with path.open("w") as file:
        for n in range(studies):
            texts = [s.format(n=n * len(SENTENCES) + i) for i, s in enumerate(SENTENCES)]
            report = f"FINDINGS: {'. '.join(texts)}."
            file.write(json.dumps({"study_id": f"s{n}", "report": report}) + "\n")
    return path


def write_radiographs(folder: Path, studies: int) -> Path:
    """Write studies with an image each, JPEGs of 2,544 x 3,056 px in grey, and their table."""
    rng = np.random.default_rng(0)
    rows = []
    coarse = PilImage.fromarray(rng.integers(0, 256, (96, 80), np.uint8))
    large = np.asarray(coarse.resize((2544, 3056)), np.int16) + rng.integers(-6, 7, (3056, 2544))
    PilImage.fromarray(large.clip(0, 255).astype(np.uint8)).save(folder / "0.jpg", quality=92)
    for n in range(studies):
        if n:
            os.link(folder / "0.jpg", folder / f"{n}.jpg")
        report = f"FINDINGS: Image {n}."
        rows.append(json.dumps({"study_id": f"s{n}", "report": report, "images": [f"{n}.jpg"]}))
    table = folder / "reports.jsonl"
    table.write_text("\n".join(rows) + "\n")
    return table


def run(config: ExtractConfig, runner: str, devices: int) -> None:
    """Extract on a runner with so many devices."""
    if runner == "local":
        extract(config, LocalRunner(devices))
        return
    import ray

    from radkg.cluster.runner import RayRunner

    names = (SPEED, BUSY, "PYTHONPATH", "OMP_NUM_THREADS")
    ray.init(
        address="local",
        num_cpus=2 * devices + 2,
        num_gpus=devices,
        include_dashboard=False,
        log_to_driver=False,
        runtime_env={"env_vars": {k: os.environ[k] for k in names if k in os.environ}},
    )
    try:
        extract(config, RayRunner())
    finally:
        ray.shutdown()


def measure_busy(folder: Path) -> list[float]:
    """Return the busy share of each device, between its first and its last token."""
    shares = []
    for log in folder.iterdir():
        times = [tuple(map(float, line.split())) for line in log.read_text().splitlines()]
        busy = sum(end - start for start, end in times)
        shares.append(busy / (max(end for _, end in times) - min(start for start, _ in times)))
    return shares


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runner", choices=("local", "ray"), default="local")
    parser.add_argument("--devices", type=int, nargs="+", default=[1])
    parser.add_argument("--speeds", type=float, nargs="+", default=[17_700.0, 40_000.0])
    parser.add_argument("--seconds", type=float, default=20.0, help="of one device's sleep")
    parser.add_argument("--unit-size", type=int, default=64)
    parser.add_argument("--images", type=int, default=0, help="studies with an image, in place")
    options = parser.parse_args()
    words = sum(len(find_words(s)) for s in SENTENCES)
    for devices in options.devices:
        for speed in options.speeds:
            with tempfile.TemporaryDirectory() as place:
                folder = Path(place)
                (folder / "busy").mkdir()
                os.environ |= {SPEED: str(speed), BUSY: str(folder / "busy")}
                if options.images:
                    archive = write_radiographs(folder, options.images)
                    studies = options.images
                else:
                    studies = round(options.seconds * devices * speed / (words * TOKENS_A_WORD))
                    archive = write_reports(folder / "reports.jsonl", studies)
                config = ExtractConfig(
                    archive=str(archive),
                    images=place if options.images else None,
                    out=str(folder / "out"),
                    extractor=f"{HERE}:{'eye' if options.images else 'model'}",
                    unit_size=options.unit_size,
                    device="cuda",
                )
                before, start = os.times(), time.time()
                run(config, options.runner, devices)
                seconds, after = time.time() - start, os.times()
                cpu = sum(after[:4]) - sum(before[:4])
                shares = measure_busy(folder / "busy")
                line = {
                    "runner": options.runner,
                    "devices": devices,
                    "per_second": speed,
                    "studies": studies,
                    "busy": round(statistics.mean(shares), 3),
                    "least_busy": round(min(shares), 3),
                    "seconds": round(seconds, 1),
                    "cpu_seconds_a_study": round(cpu / studies, 5),
                    "load": round(os.getloadavg()[0], 1),
                }
                print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
