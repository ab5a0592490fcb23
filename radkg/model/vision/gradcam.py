"""Grad-CAM of an eye: how much each cell of the tower's grid speaks for a code of the readout.

After Selvaraju et al., ICCV 2017: each channel of the last feature map is weighted by the mean
slope of the code's logit, and what is positive counts. The slopes go through the readout alone, so
a map serves all codes.

P pairs of an image and a code, C channels, G cells a side.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from radkg.model.vision.eye import Readout

LEAST = 0.75  # a cell with this much of the strongest one's activation, or less, is none
MOST = 6  # cells of one image and code
# both as R2GenKG's sibling AM-MRG has them, there of 14 x 14 cells


def compute_activations(readout: Readout, maps: Tensor, codes: Tensor) -> tuple[Tensor, Tensor]:
    """Return the activations (P, G, G) in [0, 1] and the logits (P,) of codes on maps.

    The strongest cell of a pair has 1, the weakest 0; all have 0 where no cell speaks for the code.

    Args:
        readout: of the eye; its weights need no gradient.
        maps: feature maps (P, C, G, G) of the tower.
        codes: the row of the readout for each of them, (P,).
    """
    with torch.enable_grad():
        known = maps.detach().requires_grad_()
        logits = readout(known)[torch.arange(len(codes)), codes]
        (slopes,) = torch.autograd.grad(logits.sum(), known)
    weights = slopes.mean((2, 3))  # (P, C)
    found = functional.relu(torch.einsum("pc,pchw->phw", weights, maps))
    low, high = found.amin((1, 2), keepdim=True), found.amax((1, 2), keepdim=True)
    spread = high - low
    scaled = torch.where(spread > 0, (found - low) / spread.clamp_min(1e-30), 0.0)
    return scaled, logits.detach()


def find_cells(activations: Tensor) -> list[tuple[int, float]]:
    """Return the cells (row * G + column) that show a code, with their activations, the best first.

    Args:
        activations: (G, G) of one pair.
    """
    values, cells = activations.flatten().sort(descending=True, stable=True)
    best = zip(cells.tolist()[:MOST], values.tolist()[:MOST], strict=True)
    return [(cell, value) for cell, value in best if value > LEAST]


def locate_cell(cell: int, side: int) -> tuple[float, float, float, float]:
    """Return left, top, right, bottom of a cell as shares of the image's sides, G = `side`."""
    row, column = divmod(cell, side)
    return (column / side, row / side, (column + 1) / side, (row + 1) / side)
