"""The cells of a frozen tower's grid as tokens, through the door of the image encoders.

N images, P cells, C channels.
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from radkg.errors import ExtractorError
from radkg.model.checkpoint import read_config
from radkg.model.vision.encoders import IMAGENET, FrozenEncoder
from radkg.model.vision.eye import KIND, EyeConfig, Guard, load_eye, normalise_cells
from radkg.model.vision.tower import FEATURE_DIM, Tower, load_imagenet_tower

_STRIDE = 32  # px of a cell


class GridTower(nn.Module):
    """A tower whose every cell counts."""

    def __init__(self, tower: Tower) -> None:
        super().__init__()
        self.tower = tower

    def forward(self, images: Tensor) -> Tensor:
        """Return the cells (N, P * C) of images (N, 1, S, S), each of mean 0 and variance 1."""
        return normalise_cells(self.tower.compute_feature_maps(images)).flatten(1)


def load_tower(name: str) -> tuple[Tower, Guard | None, EyeConfig]:
    """Return a tower, what tells radiographs from other images, and the eye's settings.

    Args:
        name: directory of an eye, or `imagenet`, which has no guard.

    Raises:
        ExtractorError: there is no such tower, or its weights do not fit.
    """
    if name == IMAGENET:
        return load_imagenet_tower(), None, EyeConfig()
    config = read_config(Path(name))
    if config["kind"] != KIND:
        raise ExtractorError(
            f"{name} holds a {config['kind']!r}, whose images have no grid: give the directory of "
            f"an eye, or {IMAGENET}"
        )
    eye, settings = load_eye(Path(name), config)
    return eye.tower, eye.guard, settings


def load_grid_encoder(name: str, device: str = "cpu") -> FrozenEncoder:
    """Return an encoder whose features are the cells of a grid, one after the other.

    Args:
        name: as in `load_tower`, which raises what this raises.
        device: what the tower computes on.
    """
    tower, _, settings = load_tower(name)
    cells = (-(-settings.side // _STRIDE)) ** 2
    return FrozenEncoder(
        name, GridTower(tower), cells * FEATURE_DIM, settings.preprocessing, device=device
    )


def split_cells(features: Tensor) -> Tensor:
    """Return features (..., P * C) of such an encoder as tokens (..., P, C)."""
    return features.view(*features.shape[:-1], -1, FEATURE_DIM)
