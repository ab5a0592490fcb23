"""What an eye sees of Rad-ReStruct's images: a tower and a readout that learn from some reports.

The tower starts from ImageNet and learns the answers that enough images have, as `radkg train
--preset eye` trains it on codes. The readout has a row for each answer that it learns, and one for
whether anything is answered yes.

N images, R rows of a split, L rows of the readout, A = 2,470 answers, S side of an image in px.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from radkg.archive.images.pixels import read_radiograph
from radkg.model.vision.eye import Readout
from radkg.model.vision.preprocessing import Preprocessing
from radkg.model.vision.tower import SIDE, Tower, load_imagenet_tower
from radkg.model.vision.tower_training import TowerTraining
from radkg.train.eye import fit_readout
from radkg.train.loop import run_stage
from radkg.train.presets import select_stages
from radkg.train.stages.tower import TowerTask
from tests.support.restruct.reports import Split

KEPT_SIDE = 192  # px of the images that the tower learns from
MIN_SHOWN = 20  # images with an answer, for the tower to learn it
MIN_READ = 10  # images with an answer, for the readout to learn it
AT_ONCE = 32  # images that the tower looks at


@dataclasses.dataclass(frozen=True)
class Seen:
    """A split, and the tower's maps (N, C, G, G) of those of its images that are at hand."""

    split: Split
    maps: Tensor

    def take_first(self, reports: int) -> Seen:
        """Return the first reports."""
        kept = self.split.reports < reports
        return Seen(self.split.choose(kept), self.maps[kept[self.split.at_hand]])


@dataclasses.dataclass(frozen=True)
class Sight:
    """What an eye makes of the rows of a split."""

    abnormal: np.ndarray
    """(R,) confidence that something is answered yes"""
    answers: np.ndarray
    """(R, A) confidences; 0: not learnt"""


@dataclasses.dataclass(frozen=True)
class Reader:
    """A readout, and which answers its rows are."""

    readout: Readout
    columns: np.ndarray
    """(L - 1,) of the rows behind the first one"""
    shares: np.ndarray
    """(L,) of the images it learnt from that have each"""

    def see(self, seen: Seen) -> Sight:
        """Return the confidences; a row whose image is not at hand has the shares."""
        rows = np.tile(self.shares, (len(seen.split.images), 1))
        with torch.no_grad():
            parts = [self.readout(part.float()) for part in seen.maps.split(AT_ONCE)]
        rows[seen.split.at_hand] = torch.cat(parts).sigmoid().numpy()
        answers = np.zeros(seen.split.answers.shape)
        answers[:, self.columns] = rows[:, 1:]
        return Sight(rows[:, 0], answers)


def train_tower(split: Split, is_no: np.ndarray, out: Path, num_steps: int | None = None) -> Tower:
    """Return a tower that learnt the frequent answers of a split, from ImageNet's weights on.

    It goes on from the checkpoint under `out`, where there is one.

    Args:
        is_no: (A,) whether an answer says no; these are not learnt.
    """
    labels = _make_labels(split, is_no, MIN_SHOWN)[1]
    pixels = read_pixels(split, KEPT_SIDE)
    torch.manual_seed(0)
    task = TowerTask(TowerTraining(load_imagenet_tower(), labels.mean(0)), pixels, labels)
    stage = select_stages("eye")[0]
    config = dataclasses.replace(stage.config, num_steps=num_steps, checkpoint_every=20)
    checkpoint = out / "tower.pt"

    def keep(state: Mapping[str, Any], step: int) -> None:
        torch.save(state, checkpoint.with_suffix(".tmp"))
        checkpoint.with_suffix(".tmp").replace(checkpoint)

    state = torch.load(checkpoint) if checkpoint.exists() else None
    run_stage(task, config, stage.name, out, state=state, checkpoint=keep)
    return task.model.tower.eval()


def look(tower: Tower, split: Split) -> Seen:
    """Return what the tower makes of the images of a split."""
    parts = read_pixels(split, SIDE)[:, None].split(AT_ONCE)
    with torch.no_grad():
        maps = [tower.compute_feature_maps(part.float() / 255).half() for part in parts]
    return Seen(split, torch.cat(maps))


def learn_reader(seen: Seen, is_no: np.ndarray) -> Reader:
    """Return a reader that learnt from a split."""
    columns, labels = _make_labels(seen.split, is_no, MIN_READ)
    torch.manual_seed(0)
    readout = Readout(labels.shape[1])
    fit_readout(readout, seen.maps, labels)
    return Reader(readout, columns, labels.mean(0).numpy())


def read_pixels(split: Split, side: int) -> Tensor:
    """Return the images that are at hand as (N, S, S) uint8."""
    resize = Preprocessing(side=side)
    squares = [resize(read_radiograph(str(image)))[0] for image in split.images if image]
    return (torch.stack(squares) * 255).round().to(torch.uint8)


def _make_labels(split: Split, is_no: np.ndarray, least: int) -> tuple[np.ndarray, Tensor]:
    """Return the answers (L - 1,) that enough images have, and the labels (N, L)."""
    answers = split.answers[split.at_hand]
    columns = np.flatnonzero((answers.sum(0) >= least) & ~is_no)
    abnormal = answers[:, ~is_no].any(1, keepdims=True)
    labels = np.hstack([abnormal, answers[:, columns]]).astype(np.float32)
    return columns, torch.from_numpy(labels)
