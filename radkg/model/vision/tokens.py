"""Images and volumes as tokens: three encoders behind one interface, each around a 2D tower.

    image   (B, 1, S, S)     the tower's grid: a token per cell
    slices  (B, 1, D, S, S)  the tower looks at each slice, and T queries gather the cells of all
    inflated (B, 1, D, S, S) the tower's convolutions have a depth too (I3D): a token per cell

A tower is any module whose `compute_feature_maps` turns (N, 1, S, S) into (N, C, G, G).

B studies, D slices, S side in px, T tokens, C channels, G = S / 32 cells a side.
"""

from __future__ import annotations

from typing import Literal, Protocol, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from radkg.model.vision.inflation import make_inflated
from radkg.model.vision.tower import FEATURE_DIM, Tower

TokenKind = Literal["image", "slices", "inflated"]
TOKEN_KINDS: tuple[TokenKind, ...] = get_args(TokenKind)
_STRIDE = 32  # of the tower, in each direction
_SLICES_AT_ONCE = 64  # that the tower looks at: more would only take memory


class TokenEncoder(Protocol):
    """Images or volumes in, tokens out; an nn.Module whose `tower` is the 2D or inflated tower."""

    tower: Tower

    @property
    def num_tokens(self) -> int:
        """T."""
        ...

    def compute_tokens(self, images: Tensor) -> Tensor:
        """Return tokens (B, T, C), each of mean 0 and variance 1.

        Raises:
            ValueError: a volume was given to an encoder of images, or an image to one of volumes.
        """
        ...

    def read_maps(self, maps: Tensor) -> Tensor:
        """Return tokens (B, T, C) of the tower's feature maps, for whoever has them already."""
        ...


class ImageTokens(nn.Module):
    """The cells of a 2D tower's grid.

    Args:
        tower: the 2D tower.
        side: S.
    """

    def __init__(self, tower: Tower, side: int) -> None:
        super().__init__()
        self.tower = tower
        self.num_tokens = (-(-side // _STRIDE)) ** 2

    def compute_tokens(self, images: Tensor) -> Tensor:
        """Return tokens (B, T, C) of images (B, 1, S, S) in [0, 1]."""
        check_axes(images, 4, "an encoder of 2D images")
        return self.read_maps(self.tower.compute_feature_maps(images))

    def read_maps(self, maps: Tensor) -> Tensor:
        """Return tokens (B, T, C) of maps (B, C, G, G)."""
        return _normalise(maps.flatten(2).transpose(1, 2))


class InflatedTokens(nn.Module):
    """The cells of a tower whose convolutions were inflated.

    Args:
        tower: the 2D tower, which stays as it is.
        side: S.
        depth: D.
    """

    def __init__(self, tower: Tower, side: int, depth: int) -> None:
        super().__init__()
        self.tower = make_inflated(tower)
        self.num_tokens = -(-depth // _STRIDE) * (-(-side // _STRIDE)) ** 2

    def compute_tokens(self, images: Tensor) -> Tensor:
        """Return tokens (B, T, C) of volumes (B, 1, D, S, S) in [0, 1]."""
        check_axes(images, 5, "an inflated encoder of volumes")
        return self.read_maps(self.tower.compute_feature_maps(images))

    def read_maps(self, maps: Tensor) -> Tensor:
        """Return tokens (B, T, C) of maps (B, C, ceil(D / 32), G, G)."""
        return _normalise(maps.flatten(2).transpose(1, 2))


class SliceTokens(nn.Module):
    """A 2D tower slice by slice, and learnt queries that attend over the cells of all slices.

    A cell's place in the stack is told apart by a learnt vector per slice, which starts at zero.

    Args:
        tower: the 2D tower.
        depth: D.
        num_tokens: T.
    """

    def __init__(self, tower: Tower, depth: int, num_tokens: int) -> None:
        super().__init__()
        self.tower = tower
        self.num_tokens = num_tokens
        self.queries = nn.Parameter(torch.randn(num_tokens, FEATURE_DIM) * FEATURE_DIM**-0.5)
        self.places = nn.Parameter(torch.zeros(depth, 1, FEATURE_DIM))

    def compute_tokens(self, images: Tensor) -> Tensor:
        """Return tokens (B, T, C) of volumes (B, 1, D, S, S) in [0, 1]."""
        check_axes(images, 5, "an encoder of volumes, slice by slice")
        slices = images.transpose(1, 2).flatten(0, 1)  # (B * D, 1, S, S)
        parts = [
            self.tower.compute_feature_maps(slices[i : i + _SLICES_AT_ONCE])
            for i in range(0, len(slices), _SLICES_AT_ONCE)
        ]
        maps = torch.cat(parts)
        return self.read_maps(maps.view(len(images), -1, *maps.shape[1:]))

    def read_maps(self, maps: Tensor) -> Tensor:
        """Return tokens (B, T, C) of maps (B, D, C, G, G)."""
        cells = _normalise(maps.flatten(3).transpose(2, 3))  # (B, D, G * G, C)
        keys = (cells + self.places).flatten(1, 2)
        weights = torch.einsum("tc,bnc->btn", self.queries, keys).softmax(-1)
        return _normalise(weights @ cells.flatten(1, 2))


def make_token_encoder(
    kind: TokenKind, tower: Tower, side: int, depth: int = 1, num_tokens: int = 49
) -> TokenEncoder:
    """Return the encoder of a kind.

    Args:
        kind: one of TOKEN_KINDS.
        tower: the 2D tower that it is made from.
        side: S.
        depth: D; without effect for images.
        num_tokens: T of `slices`; the others have a token per cell.
    """
    if kind == "image":
        return ImageTokens(tower, side)
    if kind == "slices":
        return SliceTokens(tower, depth, num_tokens)
    return InflatedTokens(tower, side, depth)


def scale_volume(volume: Tensor, depth: int, side: int) -> Tensor:
    """Return a volume (D', H, W) in [0, 1] as (1, D, S, S): resampled, its aspect ratio ignored."""
    if volume.ndim != 3:
        raise ValueError(f"a volume is (D, H, W), not {tuple(volume.shape)}")
    # the mean over what becomes one voxel, then linear: a nodule between two samples is not lost
    deep, height, width = volume.shape
    averaged = functional.adaptive_avg_pool3d(
        volume[None, None], (min(deep, depth), min(height, side), min(width, side))
    )
    resized = functional.interpolate(averaged, (depth, side, side), mode="trilinear")
    return resized[0]


def check_axes(images: Tensor, expected: int, what: str) -> None:
    """Refuse a volume where images are wanted, and an image where volumes are.

    Raises:
        ValueError: the tensor has another number of axes.
    """
    if images.ndim != expected:
        names = {4: "2D images (B, 1, S, S)", 5: "volumes (B, 1, D, S, S)"}
        got = names.get(images.ndim, f"a tensor of {images.ndim} axes")
        raise ValueError(f"{what} was given {got}: it takes {names[expected]}")


def _normalise(cells: Tensor) -> Tensor:
    return functional.layer_norm(cells, (cells.shape[-1],))
