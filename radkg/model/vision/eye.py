"""The eye: the small image tower with a readout, from an image to the codes of its study.

Each code has a query that attends over the tower's grid, and a row of weights for what it finds
there: a rib fracture and a large heart are looked for in different places. The codes are findings
and triplets of the human coders. The tower alone is an image encoder like any other.

N images, L codes, C = 320 channels, G = S / 32 cells a side, S side of an image in px.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from radkg.config import Config
from radkg.model.checkpoint import load_weights, parse_config
from radkg.model.vision.preprocessing import Preprocessing
from radkg.model.vision.tower import FEATURE_DIM, SIDE, Tower, compute_pooled_features
from radkg.schema.codes import CodedTriplet

KIND = "eye"
_SMOOTHING = 0.1  # of the covariance: images are not many more than channels


@dataclasses.dataclass(frozen=True, kw_only=True)
class EyeConfig(Config):
    """What an eye looks for, and from which confidence on a code is given."""

    kind: str = KIND
    side: int = SIDE
    """px of the square image"""
    findings: tuple[str, ...] = ()
    """coded findings, in the order of the readout's rows behind the first one"""
    triplets: tuple[CodedTriplet, ...] = ()
    """coded triplets, in the order of the rows behind those"""
    finding_threshold: float = 0.0
    """a finding is given only with at least this confidence [0, 1]"""
    triplet_threshold: float = 0.0
    """confidence from which a triplet is given"""
    abnormal_threshold: float = 0.0
    """an image that is abnormal with less than this confidence has no code"""
    sure_threshold: float = 0.0
    """confidence from which what the image shows goes into an extraction"""
    unlike_limit: float = 0.0
    """an image that is more unlike those of the training (Guard) is not looked at; 0: all are"""

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Build from a mapping, as JSON has it."""
        built = dict(values)
        built["findings"] = tuple(built.get("findings", ()))
        triplets = (tuple(one) for one in built.get("triplets", ()))
        built["triplets"] = tuple(cast("CodedTriplet", one) for one in triplets)
        return super().from_mapping(built)

    @property
    def preprocessing(self) -> Preprocessing:
        """How an image becomes the tower's input."""
        return Preprocessing(side=self.side)

    @property
    def num_codes(self) -> int:
        """Rows of the readout: whether anything was coded, the findings, the triplets."""
        return 1 + len(self.findings) + len(self.triplets)


class Readout(nn.Module):
    """One attention over the grid, and one linear output, for each code."""

    def __init__(self, num_codes: int) -> None:
        super().__init__()
        self.query = nn.Linear(FEATURE_DIM, num_codes)
        self.weight = nn.Parameter(torch.zeros(num_codes, FEATURE_DIM))
        self.bias = nn.Parameter(torch.zeros(num_codes))
        nn.init.zeros_(self.query.weight)
        nn.init.zeros_(self.query.bias)

    def forward(self, maps: Tensor) -> Tensor:
        """Return logits (N, L) of feature maps (N, C, G, G)."""
        return self.read_cells(normalise_cells(maps))

    def read_cells(self, cells: Tensor) -> Tensor:
        """Return logits (N, L) of the grid's cells (N, G * G, C)."""
        found = torch.bmm(self.compute_attention(cells).transpose(1, 2), cells)  # (N, L, C)
        logits: Tensor = (found * self.weight).sum(-1) + self.bias
        return logits

    def find_cells(self, cells: Tensor) -> Tensor:
        """Return which cell speaks most for each code, (N, L) int64, of cells (N, G * G, C)."""
        shares = self.compute_attention(cells) * (cells @ self.weight.T)
        return shares.argmax(1)

    def compute_attention(self, cells: Tensor) -> Tensor:
        """Return how much each code looks at each cell, (N, G * G, L), of cells (N, G * G, C)."""
        weights: Tensor = self.query(cells).softmax(1)
        return weights


class Guard(nn.Module):
    """How unlike the images of the training an image is: a lateral, a CT slice, a photograph."""

    mean: Tensor
    whitening: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(FEATURE_DIM))
        self.register_buffer("whitening", torch.zeros(FEATURE_DIM, FEATURE_DIM))

    def forward(self, features: Tensor) -> Tensor:
        """Return the squared Mahalanobis distance over C, (N,), of features (N, C).

        It is 1 for the mean image of the training.
        """
        distance: Tensor = ((features - self.mean) @ self.whitening).square().mean(1)
        return distance

    def fit(self, features: Tensor) -> None:
        """Learn what is usual from the features (N, C) of training images."""
        centred = (features - features.mean(0)).double()
        covariance = centred.T @ centred / len(centred)
        smoothed = covariance + _SMOOTHING * covariance.trace() / FEATURE_DIM * torch.eye(
            FEATURE_DIM
        )
        values, vectors = torch.linalg.eigh(smoothed)
        self.mean.copy_(features.mean(0))
        self.whitening.copy_(vectors @ torch.diag(values.rsqrt()) @ vectors.T)


class Eye(nn.Module):
    """The tower, its readout and its guard."""

    def __init__(self, num_codes: int, tower: Tower | None = None) -> None:
        super().__init__()
        self.tower = tower or Tower()
        self.readout = Readout(num_codes)
        self.guard = Guard()

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (N, L) of images (N, 1, S, S) in [0, 1], and how unlike each is (N,)."""
        logits, unlike, _ = self.look(images)
        return logits, unlike

    def look(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return what `forward` does, and which cell speaks most for each code, (N, L)."""
        maps = self.tower.compute_feature_maps(images)
        cells = normalise_cells(maps)
        unlike = self.guard(compute_pooled_features(maps))
        return self.readout.read_cells(cells), unlike, self.readout.find_cells(cells)


def normalise_cells(maps: Tensor) -> Tensor:
    """Return the cells (N, G * G, C) of feature maps (N, C, G, G), each of mean 0, variance 1."""
    return functional.layer_norm(maps.flatten(2).transpose(1, 2), (FEATURE_DIM,))


def load_eye(directory: Path, values: dict[str, Any]) -> tuple[Eye, EyeConfig]:
    """Return the eye of a model directory whose config.json holds `values`.

    Raises:
        ExtractorError: its weights are missing or do not fit its settings.
    """
    config = parse_config(EyeConfig, values, directory)
    eye = Eye(config.num_codes)
    load_weights(eye, directory)
    return eye, config
