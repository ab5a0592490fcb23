"""Arrays of grey values, computed a few rows at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.float32]

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R 601, as Pillow weighs colours
_STRIP = 256  # rows that are computed at once: floats take many times the bytes of the file


def compute_by_strips(shape: tuple[int, int], compute: Callable[[int, int], Any]) -> Pixels:
    """Return an array of `shape`, of which `compute(top, end)` gives the rows of a strip."""
    pixels: Pixels = np.empty(shape, np.float32)
    for top in range(0, shape[0], _STRIP):
        end = min(top + _STRIP, shape[0])
        pixels[top:end] = compute(top, end)
    return pixels
