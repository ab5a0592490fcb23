"""The cells of training images that show a finding, as the eye sees it, by Grad-CAM.

An image whose study has a finding shows it only where the eye gives the finding too, at its own
threshold: where the eye is less sure, its cells lie nearly anywhere (measured: decision 134).
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from radkg.archive.images.pixels import read_radiograph
from radkg.errors import ArchiveError
from radkg.knowledge.labels import LabelledImage
from radkg.model.vision.eye import Eye, EyeConfig, normalise_cells
from radkg.model.vision.gradcam import compute_activations, find_cells
from radkg.model.vision.tower import compute_pooled_features
from radkg.progress import Advance, ignore

logger = logging.getLogger(__name__)

UNREADABLE, UNLIKE = "unreadable", "unlike a frontal radiograph"
_AT_ONCE = 8  # images; in batches of up to 8 a row does not depend on its neighbours (measured)


@dataclass(frozen=True)
class ShownCell:
    """A cell of an image that shows a label."""

    image: LabelledImage
    label: str
    cell: int
    """row * grid + column"""
    grid: int
    """cells a side of the image"""
    activation: float
    """in (LEAST, 1]"""
    logit: float
    """of the label on the whole image: how sure the eye is"""
    rank: int
    """among the cells of the image and label, 0: the strongest"""
    features: Tensor
    """(C,) of the cell, normalised"""


@torch.no_grad()
def find_shown_cells(
    images: Sequence[LabelledImage],
    eye: Eye,
    config: EyeConfig,
    left_out: Counter[str],
    progress: Advance = ignore,
) -> Iterator[ShownCell]:
    """Yield the cells of the images, in their order.

    Args:
        images: with labels that the eye reads.
        eye: in evaluation mode.
        config: of the eye.
        left_out: gets the number of images that were not looked at, by the reason.
        progress: called with the number of images that were looked at, and of all.
    """
    for start in range(0, len(images), _AT_ONCE):
        shown, squares = [], []
        for image in images[start : start + _AT_ONCE]:
            try:
                squares.append(config.preprocessing.make_square(read_radiograph(image.location)))
                shown.append(image)
            except ArchiveError as error:
                logger.warning("%s", error)
                left_out[UNREADABLE] += 1
        if shown:
            maps = eye.tower.compute_feature_maps(torch.stack(squares))
            unlike = eye.guard(compute_pooled_features(maps))
            known = torch.where(unlike <= (config.unlike_limit or torch.inf))[0]
            left_out[UNLIKE] += len(shown) - len(known)
            if len(known):
                kept = [shown[i] for i in known.tolist()]
                yield from _list_cells(kept, maps[known], eye, config)
        progress(min(start + _AT_ONCE, len(images)), len(images))


def _list_cells(
    images: Sequence[LabelledImage], maps: Tensor, eye: Eye, config: EyeConfig
) -> Iterator[ShownCell]:
    """Yield the cells of images by their maps (N, C, G, G)."""
    pairs = [(place, label) for place, image in enumerate(images) for label in image.labels]
    rows = {name: 1 + number for number, name in enumerate(config.findings)}  # 0: any code at all
    places = torch.tensor([place for place, _ in pairs])
    codes = torch.tensor([rows[label] for _, label in pairs])
    activations, logits = compute_activations(eye.readout, maps[places], codes)
    features = normalise_cells(maps)  # (N, G * G, C)
    grid = maps.shape[-1]
    is_sure = torch.sigmoid(logits) >= config.finding_threshold
    for number, (place, label) in enumerate(pairs):
        if not is_sure[number]:
            continue
        for rank, (cell, activation) in enumerate(find_cells(activations[number])):
            yield ShownCell(
                image=images[place],
                label=label,
                cell=cell,
                grid=grid,
                activation=activation,
                logit=float(logits[number]),
                rank=rank,
                features=features[place, cell].clone(),
            )
