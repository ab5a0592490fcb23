"""The end of an eye's training: its readout, its guard, its thresholds and its figures.

The tower is done and stays as it is. The readout learns from the tower's maps of the training
images, so a pass over all of them takes a second. Thresholds come from the tenth held out.

N images, L codes, C channels, P cells of the grid.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.nn import functional

from radkg.archive.images.pixels import read_radiograph
from radkg.archive.images.strips import Pixels
from radkg.errors import ArchiveError
from radkg.extractor.eye import EyeReader, make_codes
from radkg.extractor.images import list_locations
from radkg.gold.coded import CodedStudies, load_coded_studies
from radkg.gold.codes import Gold
from radkg.gold.filing import list_gold_findings, list_gold_triplets
from radkg.model.checkpoint import CARD, CONFIG, read_config, save
from radkg.model.vision.eye import Eye, EyeConfig, Readout, load_eye, normalise_cells
from radkg.model.vision.tower import compute_pooled_features
from radkg.private import write_text
from radkg.train.eye_thresholds import choose_eye_thresholds, describe_eye
from radkg.train.stage_task import TrainJob
from radkg.train.supervision import split_held_out

_MIN_IMAGES = 10  # with a code, for it to be learnt
_EPOCHS, _BATCH = 16, 64
_RATE, _DECAY, _DROPOUT = 1e-3, 0.05, 0.3
_USUAL, _MARGIN = 0.99, 2.0  # no radiograph: twice as far as this share of held-out images
_AT_ONCE = 32  # images that the tower looks at
_T = TypeVar("_T", str, tuple[str, str, str])


def complete_eye(job: TrainJob, directory: Path) -> str:
    """Fit readout, guard and thresholds of an eye's directory; return its figures, as Markdown.

    The thresholds stay 0, and "" is returned, where no held-out study has an image at hand.
    """
    coded = load_coded_studies(job.archive, "train", job.images)
    training, held_out = (
        part.take_first(job.limit).select_with_image() for part in split_held_out(coded)
    )
    tower = load_eye(directory, read_config(directory))[0].tower
    bare = Eye(EyeConfig().num_codes, tower)
    maps, golds = _compute_maps(bare, training)
    config = EyeConfig(
        findings=list_frequent([list_gold_findings(gold) for gold in golds], _MIN_IMAGES),
        triplets=list_frequent([list_gold_triplets(gold) for gold in golds], _MIN_IMAGES),
    )
    eye = Eye(config.num_codes, tower)
    fit_readout(eye.readout, maps, torch.tensor([list_labels(gold, config) for gold in golds]))
    eye.guard.fit(compute_pooled_features(maps.float()))
    if len(held_out):
        usual, _ = _compute_maps(bare, held_out)
        distances = eye.guard(compute_pooled_features(usual.float()))
        limit = _MARGIN * float(torch.quantile(distances, _USUAL))
        config = dataclasses.replace(config, unlike_limit=round(limit, 4))
    card = (directory / CARD).read_text()
    save(directory, config.to_json(), eye.state_dict(), card=card, half=True)
    if not len(held_out):
        return ""
    read = EyeReader(directory).compute_confidences(held_out.studies)
    held_out = held_out.choose(i for i, row in enumerate(read) if row is not None)
    seen = [row for row in read if row is not None]
    found, abnormal = [make_codes(row, config) for row in seen], [row[0] for row in seen]
    config = choose_eye_thresholds(config, found, abnormal, held_out)
    write_text(directory / CONFIG, config.to_json())
    return describe_eye(config, found, abnormal, held_out)


def fit_readout(readout: Readout, maps: Tensor, labels: Tensor) -> None:
    """Fit a readout by mini-batches, the same for the same images.

    Args:
        readout: starts at the share of images that have each code.
        maps: the tower's, (N, C, G, G).
        labels: (N, L) 0 or 1.
    """
    order = torch.Generator().manual_seed(0)
    with torch.no_grad():
        readout.bias.copy_(torch.logit(labels.mean(0), eps=1e-4))
    groups: list[dict[str, Any]] = [
        {"params": [readout.weight, *readout.query.parameters()]},
        {"params": [readout.bias], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=_RATE, weight_decay=_DECAY)
    rounds = [torch.randperm(len(maps), generator=order) for _ in range(_EPOCHS)]
    batches = [rows[i : i + _BATCH] for rows in rounds for i in range(0, len(maps), _BATCH)]
    for number, batch in enumerate(batches):
        for group in optimizer.param_groups:
            group["lr"] = _RATE * (1 - number / len(batches))
        cells = normalise_cells(maps[batch].float())
        kept = torch.rand(cells.shape, generator=order) >= _DROPOUT
        logits = readout.read_cells(cells * kept / (1 - _DROPOUT))
        loss = functional.binary_cross_entropy_with_logits(logits, labels[batch])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()


def iterate_radiographs(part: CodedStudies) -> Iterator[tuple[Pixels, Gold]]:
    """Yield each image of the studies that can be read, with the codes of its study."""
    for study, gold in zip(part.studies, part.golds, strict=True):
        for place in list_locations(study):
            try:
                yield read_radiograph(place), gold
            except ArchiveError:  # said and counted where the archive is extracted
                continue


def list_frequent(coded: Sequence[Iterable[_T]], least: int) -> tuple[_T, ...]:
    """Return, sorted, what `least` images have; fewer are enough where there are few images."""
    counts = Counter(one for codes in coded for one in codes)
    enough = min(least, 1 + len(coded) // 50)
    return tuple(sorted(one for one, count in counts.items() if count >= enough))


def list_labels(gold: Gold, config: EyeConfig) -> list[float]:
    """Return the 0/1 labels of the readout's rows."""
    findings, triplets = list_gold_findings(gold), list_gold_triplets(gold)
    present: Sequence[bool] = [
        bool(findings or triplets),
        *(name in findings for name in config.findings),
        *(triplet in triplets for triplet in config.triplets),
    ]
    return [float(one) for one in present]


@torch.no_grad()
def _compute_maps(eye: Eye, part: CodedStudies) -> tuple[Tensor, list[Gold]]:
    """Return the tower's maps (N, C, G, G) of all images that can be read, in half precision."""
    squares: list[Tensor] = []
    golds: list[Gold] = []
    for pixels, gold in iterate_radiographs(part):
        squares.append(EyeConfig().preprocessing.make_square(pixels).half())
        golds.append(gold)
    together = torch.split(torch.stack(squares), _AT_ONCE)
    maps = [eye.tower.compute_feature_maps(few.float()).half() for few in together]
    return torch.cat(maps), golds
