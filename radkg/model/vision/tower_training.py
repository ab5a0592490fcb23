"""Training of the small image tower: many labels of an image at once, from its study's codes.

On grey images as bytes, all of one size, and a 0/1 matrix of labels, which a `Trainable` of
radkg.train.trainer learns from, lightly augmented. Images are never mirrored: left and right
matter. It does not know what the labels mean.

N images, L labels, S side in px.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from radkg.model.vision.tower import FEATURE_DIM, Tower

TRAINING_SIDE = 160  # px; in use it is 224, which trains at half the speed
_FROZEN_BLOCKS = 3  # edges and textures stay ImageNet's: measured 2 times the speed
_DROPOUT = 0.3
_HEAD_GAIN = 10.0  # the head starts from nothing: under Adam, this is a tenfold learning rate
_MAX_SHIFT = 0.06  # of the side
_MAX_SCALE = 0.12
_MAX_STRETCH = 0.04
_MAX_TURN = math.radians(6)
_MAX_BRIGHTNESS = 0.12
_MAX_CONTRAST = 0.25


class TowerTraining(nn.Module):
    """A tower with a linear head over its features; `forward` gives the loss of a batch."""

    def __init__(self, tower: Tower, prevalence: Tensor) -> None:
        """Start the head at the share of images that have each label, (L,) in (0, 1)."""
        super().__init__()
        self.tower = tower
        self.head = nn.Linear(FEATURE_DIM, len(prevalence))
        nn.init.zeros_(self.head.weight)
        with torch.no_grad():
            self.head.bias.copy_(torch.logit(prevalence, eps=1e-4))

    def freeze_for(self, stage: str) -> list[str]:
        """Let train all but the first blocks, and return the names of what trains."""
        assert stage == "vision", stage
        for part in (self.tower.stem, *self.tower.blocks[:_FROZEN_BLOCKS]):
            part.requires_grad_(False)
        return [name for name, weight in self.named_parameters() if weight.requires_grad]

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the mean binary cross-entropy of `pixels` (N, H, W) uint8, `labels` (N, L)."""
        images = batch["pixels"][:, None].float() / 255
        logits = self.compute_logits(augment(images) if self.training else images)
        return functional.binary_cross_entropy_with_logits(logits, batch["labels"])

    def compute_logits(self, images: Tensor) -> Tensor:
        """Return (N, L) logits of images (N, 1, S, S) in [0, 1]."""
        features = functional.dropout(self.tower(images), _DROPOUT, self.training)
        logits: Tensor = functional.linear(features, self.head.weight * _HEAD_GAIN, self.head.bias)
        return logits


def augment(images: Tensor, side: int = TRAINING_SIDE) -> Tensor:
    """Return (N, 1, S, S) of images (N, 1, H, W), each moved, turned, scaled and relit a little.

    What it draws comes from torch's own generator, which radkg.train.trainer seeds for each batch.
    """

    def draw(limit: float) -> Tensor:
        return (torch.rand(len(images), device=images.device) * 2 - 1) * limit

    turn, scale, stretch = draw(_MAX_TURN), 1 + draw(_MAX_SCALE), 1 + draw(_MAX_STRETCH)
    right, down = draw(2 * _MAX_SHIFT), draw(2 * _MAX_SHIFT)  # the grid is 2 wide
    where = torch.stack(
        [
            torch.stack([turn.cos() * scale * stretch, -turn.sin() * scale, right], dim=1),
            torch.stack([turn.sin() * scale * stretch, turn.cos() * scale, down], dim=1),
        ],
        dim=1,
    )  # (N, 2, 3)
    grid = functional.affine_grid(where, [len(images), 1, side, side], align_corners=False)
    moved = functional.grid_sample(images, grid, align_corners=False)
    contrast, brightness = 1 + draw(_MAX_CONTRAST), draw(_MAX_BRIGHTNESS)
    relit = (moved - 0.5) * contrast[:, None, None, None] + 0.5 + brightness[:, None, None, None]
    return relit.clamp(0, 1)
