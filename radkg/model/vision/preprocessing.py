"""What an image encoder does to an image before it looks: fit it into its square, normalise it.

On grey images of any size. Equal to Pillow's bicubic or bilinear resize but for Pillow's rounding
(1.5 grey values of 255), with torch alone.

H, W of the image, S side of the square, both in px.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

Fit = Literal["squash", "crop", "pad"]
Interpolation = Literal["bicubic", "bilinear"]
FITS: tuple[Fit, ...] = get_args(Fit)


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How an image becomes an encoder's input.

    `squash` ignores the aspect ratio; `crop` brings the shorter side to S and cuts the middle out;
    `pad` adds borders to a square, then resizes.
    """

    side: int = 224
    fit: Fit = "squash"
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    interpolation: Interpolation = "bicubic"
    fill: float = 0.0
    """grey value of the borders, in [0, 1]"""
    min_padded: int = 1
    """px; a smaller image is padded to this side, not enlarged"""

    def __call__(self, pixels: npt.NDArray[Any]) -> Tensor:
        """Return (C, S, S) of grey pixels (H, W), float in [0, 1] or uint8; C as `mean` has.

        Raises:
            ValueError: the pixels are no grey image, or none of the two types.
        """
        return self.normalise(self.make_square(pixels))

    def normalise(self, square: Tensor) -> Tensor:
        """Return (C, S, S) of a grey square (1, S, S)."""
        mean, std = (torch.tensor(values)[:, None, None] for values in (self.mean, self.std))
        return (square - mean) / std

    def make_square(self, pixels: npt.NDArray[Any]) -> Tensor:
        """Return (1, S, S) float32 in [0, 1] of grey pixels (H, W): all that has to travel.

        Raises:
            ValueError: the pixels are no grey image, or none of the two types.
        """
        image = _grey(pixels)
        height, width = image.shape[-2:]
        if self.fit == "pad":
            side = max(height, width, self.min_padded)
            up, left = (side - height) // 2, (side - width) // 2
            borders = (left, side - width - left, up, side - height - up)
            square = self._resize(
                functional.pad(image, borders, value=self.fill), self.side, self.side
            )
        elif self.fit == "crop":
            shorter = min(height, width)
            rows, columns = (int(self.side * size / shorter) for size in (height, width))
            resized = self._resize(image, rows, columns)
            up, left = (round((size - self.side) / 2) for size in (rows, columns))
            square = resized[..., up : up + self.side, left : left + self.side]
        else:
            square = self._resize(image, self.side, self.side)
        return square[0]

    def _resize(self, image: Tensor, rows: int, columns: int) -> Tensor:
        if image.shape[-2:] == (rows, columns):
            return image
        resized = functional.interpolate(
            image, (rows, columns), mode=self.interpolation, antialias=True
        )
        return resized.clamp(0, 1)  # bicubic overshoots; Pillow cuts it off too


def _grey(pixels: npt.NDArray[Any]) -> Tensor:
    """Return (1, 1, H, W) float32 in [0, 1]."""
    if pixels.ndim != 2:
        raise ValueError(f"pixels are {pixels.shape} instead of (H, W)")
    if pixels.dtype == np.uint8:
        return torch.from_numpy(pixels.astype(np.float32))[None, None] / 255
    if pixels.dtype.kind != "f":
        raise ValueError(f"pixels are {pixels.dtype}: give uint8, or floats in [0, 1]")
    return torch.from_numpy(np.ascontiguousarray(pixels, np.float32))[None, None]
