"""Invented runs for knowledge graphs: an archive with a split and images, rows, a tiny eye."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from radkg.model import checkpoint
from radkg.model.vision.eye import Eye, EyeConfig
from radkg.model.vision.tower import Tower
from radkg.run.run import Run
from radkg.run.settings import ExtractConfig, save_config
from radkg.schema.arrow import to_table
from radkg.schema.records import Extraction
from tests.support.archives.openi import make_xml, write_tar
from tests.support.runs.rows import row

TRAINING, TEST = tuple(range(1, 8)), 8  # numbers of studies; NegBio's list has the last one
FINDINGS = ("cardiomegaly", "effusion")
_CODES = {
    1: ("Pleural Effusion/left",),
    2: ("Cardiomegaly/mild", "Pleural Effusion"),
    3: ("Cardiomegaly",),
    4: ("normal",),
    5: ("Opacity/lung/base",),
}
SIDE = 96  # px of the tiny eye's square: 3 x 3 cells


def write_archive(folder: Path, numbers: Iterable[int] = (*TRAINING, TEST)) -> Path:
    """Write Open-i's layout with studies CXR<n>, each with an image CXR<n>_IM-1 and codes."""
    members = {
        f"{n}.xml": make_xml(
            n,
            findings=f"Small left effusion. No pneumothorax. Rib {n} is intact.",
            codes=_CODES.get(n, ("Pleural Effusion",)),
            images=(f"CXR{n}_IM-1",),
        )
        for n in numbers
    }
    return write_tar(folder / "archive.tgz", members)


def write_images(folder: Path, numbers: Iterable[int] = (*TRAINING, TEST)) -> Path:
    """Write an image of noise for each study."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        pixels = np.random.default_rng(number).integers(0, 255, (SIDE, SIDE), np.uint8)
        Image.fromarray(pixels).save(folder / f"CXR{number}_IM-1.png")
    return folder


def write_eye(folder: Path, seed: int = 0, unlike_limit: float = 0.0) -> Path:
    """Write an eye of random weights that reads FINDINGS."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        config = EyeConfig(findings=FINDINGS, side=SIDE, unlike_limit=unlike_limit)
        eye = Eye(config.num_codes, Tower())
        torch.nn.init.normal_(eye.readout.weight)
        eye.guard.whitening.fill_diagonal_(1)
    checkpoint.save(folder, config.to_json(), eye.state_dict(), card="An eye.\n")
    return folder


def publish_rows(out: Path, archive: Path, rows: Iterable[Extraction]) -> Run:
    """Publish rows as the extraction of an archive."""
    run = Run(str(out))
    save_config(ExtractConfig(archive=str(archive), out=run.uri), run.storage, str(archive))
    run.publish(to_table(rows))
    return run


def publish_run(folder: Path, numbers: Iterable[int] = (*TRAINING, TEST)) -> Run:
    """Publish a small effusion in the left lung, and no pneumothorax, for each study."""
    archive = write_archive(folder)
    return publish_rows(folder / "out", archive, [row(f"CXR{n}") for n in numbers])
