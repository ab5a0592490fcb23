"""What more images would bring the eye: python -m tests.benchmarks.eye_curves --images DIR

Prints Markdown tables of the tenth of the training studies that no eye learns from; the test split
is not touched. A readout that learnt from an eighth to all of the other training images, on the
maps of one tower; the same from images of other sizes. AUROC is the mean over the findings that at
least five of the studies have, and over those of the 14 labels. The image decides for a study that
has one.

    --images DIR    the images of Open-i
    --eye DIR       the eye whose tower looks; default: the one in the shipped model
    --towers DIR    also towers trained here, from ImageNet's weights on: from a quarter, a half and
                    all of the training images, and from all after the images under images_extra of
                    RADKG_TEST_DATA (children's and NIH's). Two hours of a core. DIR keeps them
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import gzip
import io
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from radkg.archive.files.wheel import find_wheel_data
from radkg.archive.images.pixels import read_image
from radkg.extractor import SHIPPED
from radkg.gold.coded import CodedStudies, load_coded_studies
from radkg.gold.filing import list_gold_findings
from radkg.model.checkpoint import read_config
from radkg.model.vision.eye import Readout, load_eye
from radkg.model.vision.preprocessing import Preprocessing
from radkg.model.vision.tower import SIDE, Tower, load_imagenet_tower
from radkg.model.vision.tower_training import TowerTraining
from radkg.train.eye import fit_readout, iterate_radiographs, list_frequent
from radkg.train.loop import run_stage
from radkg.train.presets import select_stages
from radkg.train.stages.tower import TowerTask
from radkg.train.supervision import split_held_out
from tests.benchmarks.eye import show_areas

PARTS = (8, 4, 2, 1)
SIDES = (128, 160, 192, 224, 256)
KEPT_SIDE = 192  # px of the images that a tower learns from
MIN_SHOWN, MIN_READ, MIN_TESTED = 20, 10, 5  # images with a finding: for tower, readout, AUROC
EXTRA_EPOCHS = {"children": 2, "nih": 4}
AT_ONCE = 32

Labelled = tuple[list[np.ndarray], list[frozenset[str]]]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", required=True)
    parser.add_argument("--eye", type=Path, default=SHIPPED["small"] / "vision")
    parser.add_argument("--towers", type=Path)
    args = parser.parse_args()
    every = load_coded_studies("openi", "train", args.images)
    training, held_out = (read_part(part) for part in split_held_out(every))
    print(f"{len(training[0])} images to learn from, {len(held_out[0])} held out\n")
    tower = load_eye(args.eye, read_config(args.eye))[0].tower
    show_head("readout learnt from")
    maps = compute_maps(tower, training[0], SIDE), compute_maps(tower, held_out[0], SIDE)
    for part in PARTS:
        show(f"1/{part} of the images", maps, training, held_out, every_nth=part)
    show_head("side of the images, px")
    for side in SIDES:
        at = compute_maps(tower, training[0], side), compute_maps(tower, held_out[0], side)
        show(str(side), at, training, held_out)
    if args.towers:
        show_head("tower learnt from")
        for name, tower in train_towers(args.towers, training):
            maps = compute_maps(tower, training[0], SIDE), compute_maps(tower, held_out[0], SIDE)
            show(name, maps, training, held_out)


def read_part(part: CodedStudies) -> Labelled:
    """Return the images that can be read, grey in [0, 1], and the findings of each."""
    pairs = [(image, list_gold_findings(gold)) for image, gold in iterate_radiographs(part)]
    return [image for image, _ in pairs], [names for _, names in pairs]


@torch.no_grad()
def compute_maps(tower: Tower, images: Sequence[np.ndarray], side: int) -> Tensor:
    """Return the tower's maps of the images, in half precision."""
    resize = Preprocessing(side=side)
    parts = torch.stack([resize(image) for image in images]).split(AT_ONCE)
    return torch.cat([tower.compute_feature_maps(part).half() for part in parts])


def show_head(kind: str) -> None:
    print(f"\n| {kind} | AUROC, findings | AUROC, 14 labels |\n|---|--:|--:|")


def show(
    name: str,
    maps: tuple[Tensor, Tensor],
    training: Labelled,
    held_out: Labelled,
    every_nth: int = 1,
) -> None:
    """Fit a readout on a part of the training maps, and print a row of what it ranks."""
    findings = list_frequent(training[1], MIN_READ)
    labels = make_labels(training[1], findings)
    torch.manual_seed(0)
    readout = Readout(labels.shape[1])
    fit_readout(readout, maps[0][::every_nth], labels[::every_nth])
    with torch.no_grad():
        rows = torch.cat([readout(part.float()) for part in maps[1].split(AT_ONCE)])
    seen = rows.numpy()[:, 1:]  # without "anything is found"
    print(f"| {name} | {show_areas(seen, held_out[1], findings, MIN_TESTED)} |", flush=True)


def train_towers(out: Path, training: Labelled) -> Iterator[tuple[str, Tower]]:
    """Yield towers and what they learnt from."""
    images, findings = training
    for part in (4, 2, 1):
        chosen = images[::part], findings[::part]
        yield f"1/{part} of the images", train(out / f"part{part}", chosen)
    tower = load_imagenet_tower()
    for name, extra in read_extra().items():
        tower = train(out / name, extra, tower, EXTRA_EPOCHS[name])
    yield "children's and NIH's images, then all", train(out / "after_extra", training, tower)


def train(
    out: Path, data: Labelled, tower: Tower | None = None, epochs: int | None = None
) -> Tower:
    """Return a tower that learnt the frequent labels, as `radkg train --preset eye` trains it."""
    done = out / "tower.pt"
    tower = tower or load_imagenet_tower()
    if done.exists():
        tower.load_state_dict(torch.load(done))
        return tower
    out.mkdir(parents=True, exist_ok=True)
    names = list_frequent(data[1], MIN_SHOWN)
    labels = make_labels(data[1], names)[:, 1:]
    resize = Preprocessing(side=KEPT_SIDE)
    pixels = torch.stack([(resize(image)[0] * 255).round().to(torch.uint8) for image in data[0]])
    stage = select_stages("eye")[0]
    config = dataclasses.replace(stage.config, epochs=epochs or stage.config.epochs)
    torch.manual_seed(config.seed)
    task = TowerTask(TowerTraining(tower, labels.mean(0)), pixels, labels)
    run_stage(task, config, stage.name, out, checkpoint=lambda state, step: None)
    torch.save(tower.state_dict(), done)
    return tower.eval()


def make_labels(found: Sequence[frozenset[str]], names: Sequence[str]) -> Tensor:
    """Return (N, 1 + L) 0/1: whether anything is found, and each of the names."""
    return torch.tensor([[float(bool(one))] + [float(n in one) for n in names] for one in found])


def read_extra() -> dict[str, Labelled]:
    """Return the images beside Open-i, with the labels that their makers gave."""
    extra = Path(os.environ.get("RADKG_TEST_DATA", "../shared/data")) / "images_extra"
    children = sorted((extra / "kermany224/train").rglob("*.jp*g"))
    told = ("pneumonia", "virus", "bacteria")
    kinds = [
        frozenset(t for t in told if t in f"{f.parent.name} {f.name}".lower()) for f in children
    ]
    with gzip.open(find_wheel_data() / "Data_Entry_2017_v2020.csv.gz") as file:
        rows = {r["Image Index"]: r for r in csv.DictReader(io.TextIOWrapper(file))}
    nih = [f for f in sorted((extra / "nih1000_256").rglob("*.*")) if f"{f.stem}.png" in rows]
    labels = [frozenset(rows[f"{f.stem}.png"]["Finding Labels"].split("|")) for f in nih]
    return {
        "children": ([read_image(str(f)) for f in children], kinds),
        "nih": ([read_image(str(f)) for f in nih], [one - {"No Finding"} for one in labels]),
    }


if __name__ == "__main__":
    main()
