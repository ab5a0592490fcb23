"""What a full MIMIC-CXR takes: rates times real sizes, as a table of Markdown.

    python -m tests.benchmarks.resources
    python -m tests.benchmarks.resources --seconds 20 --gpu-price 3.5 --json

Measured here, in processor seconds of one core: radiographs decoded to the encoder's square, and
reports read by the one-pass model. Taken from docs/benchmarks: relationships a second into Neo4j,
and relationships a study. Assumed, for nobody has measured a GPU: tokens a second, the busy share,
tokens a study, and all prices. Cores do not scale for ever: a plan is a lower bound.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from radkg.archive import open_archive
from radkg.extractor import load_extractor
from radkg.model.vision.preprocessing import Preprocessing
from tests.benchmarks.onepass import cpu_seconds
from tests.benchmarks.pictures import IMAGES, SIDE, TOKENS, compute_rate, write

STUDIES = 227_835  # MIMIC-CXR 2.1
RADIOGRAPHS = 377_110
RELATIONSHIPS = 12.3e6 / STUDIES  # of a study: docs/benchmarks/speed.md, the night's load
LOADED_PER_S = 59_000  # relationships, two writers on two cores: docs/benchmarks/graph.md
LOAD_CORES = 2
TOKENS_PER_S = (17_700, 40_000)  # of one H100, assumed: about an eighth and a third of the memory's
BUSY = 0.95  # share of the GPU's time, assumed
GPU_PRICE, CORE_PRICE = 2.69, 0.05  # dollars an hour, assumed


@dataclass(frozen=True)
class Rates:
    """What one core and one GPU do in a second."""

    images: float
    """radiographs that a core decodes"""
    reports: float
    """reports that a core reads with the one-pass model, with repeated sentences read once"""
    tokens: float = TOKENS_PER_S[0]
    """that a GPU reads and writes, while it is busy"""
    busy: float = BUSY


@dataclass(frozen=True)
class Need:
    """What a way to do it takes."""

    what: str
    gpus: int
    cores: int
    hours: float
    core_hours: float
    """of these cores, all the time"""
    money: float


def plan_reports(rates: Rates, cores: int, core_price: float) -> Need:
    """Return what the reports alone take, read by the one-pass model on CPUs."""
    hours = STUDIES / rates.reports / cores / 3600
    spent = hours * cores
    return Need("one-pass model, reports alone", 0, cores, hours, spent, spent * core_price)


def plan_images(rates: Rates, gpus: int, gpu_price: float, core_price: float) -> Need:
    """Return what reports and images take with the language model of the published size."""
    studies_per_s = rates.tokens * rates.busy / TOKENS * gpus
    hours = STUDIES / studies_per_s / 3600
    cores = gpus + math.ceil(studies_per_s * IMAGES / rates.images)  # one feeds each GPU
    what = f"0.5 B language model, report and image, {rates.tokens:,.0f} tokens/s a GPU"
    spent = hours * cores
    return Need(what, gpus, cores, hours, spent, hours * gpus * gpu_price + spent * core_price)


def plan_load(core_price: float) -> Need:
    """Return what the load into one Neo4j server takes."""
    hours = STUDIES * RELATIONSHIPS / LOADED_PER_S / 3600
    spent = hours * LOAD_CORES
    return Need("load into Neo4j", 0, LOAD_CORES, hours, spent, spent * core_price)


def list_needs(rates: Rates, gpu_price: float, core_price: float) -> Iterator[Need]:
    """Yield all rows of the table."""
    yield from (plan_reports(rates, cores, core_price) for cores in (16, 64))
    for tokens in TOKENS_PER_S:
        with_tokens = Rates(rates.images, rates.reports, tokens, rates.busy)
        for gpus in (1, 4, 8):
            yield plan_images(with_tokens, gpus, gpu_price, core_price)
    yield plan_load(core_price)


def write_table(needs: Sequence[Need]) -> str:
    """Return the needs as Markdown."""
    lines = ["| what | H100s | cores | hours | core-hours | dollars |", "|---|---|---|---|---|---|"]
    for need in needs:
        lines.append(
            f"| {need.what} | {need.gpus or 'none'} | {need.cores} | {need.hours:.2g} | "
            f"{need.core_hours:.1f} | {need.money:.2f} |"
        )
    return "\n".join(lines)


def measure(seconds: float) -> Rates:
    """Measure what a core does."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        picture = write(Path(folder))["jpg"]
        images = compute_rate(picture, Preprocessing(side=SIDE), seconds)
    archive = open_archive("openi")
    records = archive.index().slice(0, 1500).to_pylist()
    studies = list(archive.read(records))
    extractor = load_extractor("onepass")
    extractor(studies[:1])
    return Rates(images, len(studies) / cpu_seconds(extractor, studies))


def main() -> None:
    """Measure, multiply and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="of decoding")
    parser.add_argument("--gpu-price", type=float, default=GPU_PRICE, help="of an hour, dollars")
    parser.add_argument("--core-price", type=float, default=CORE_PRICE, help="of an hour, dollars")
    parser.add_argument("--json", action="store_true", help="one line of JSON in place of a table")
    options = parser.parse_args()
    rates = measure(options.seconds)
    needs = list(list_needs(rates, options.gpu_price, options.core_price))
    if options.json:
        print(json.dumps({"rates": asdict(rates), "needs": [asdict(need) for need in needs]}))
        return
    print(
        f"{rates.images:.1f} radiographs and {rates.reports:,.0f} reports per CPU-second\n\n"
        f"{write_table(needs)}"
    )


if __name__ == "__main__":
    main()
