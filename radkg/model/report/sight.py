"""What a report model sees, as tokens: a frozen tower's cells, a Swin transformer, or findings.

N images or studies, P tokens, W width, S side in px.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import SwinConfig, SwinModel

from radkg.model.report.r2genkg_config import SightConfig

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's


class GridSight(nn.Module):
    """Cells that another network made, brought to the width of the model."""

    def __init__(self, config: SightConfig, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(config.dim, width) if config.dim != width else nn.Identity()

    def forward(self, cells: Tensor) -> Tensor:
        """Return (N, P, W) of cells (N, P, dim)."""
        tokens: Tensor = self.linear(cells.float())
        return tokens


class SwinSight(nn.Module):
    """A Swin transformer (Liu et al., arXiv 2103.14030), as transformers has it."""

    mean: Tensor
    std: Tensor

    def __init__(self, config: SightConfig, width: int) -> None:
        super().__init__()
        self.network = SwinModel(
            SwinConfig(
                image_size=config.side,
                embed_dim=config.embed_dim,
                depths=list(config.depths),
                num_heads=list(config.heads),
                window_size=config.window,
            ),
            add_pooling_layer=False,
        )
        self.linear = nn.Linear(config.dim, width) if config.dim != width else nn.Identity()
        for name, values in (("mean", _MEAN), ("std", _STD)):
            self.register_buffer(name, torch.tensor(values)[:, None, None], persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Return (N, P, W) of grey images (N, S, S) uint8."""
        coloured = (images[:, None].float() / 255 - self.mean) / self.std  # (N, 3, S, S)
        network = cast(Any, self.network)
        tokens: Tensor = self.linear(network(pixel_values=coloured).last_hidden_state)
        return tokens


class FindingsSight(nn.Module):
    """The findings of a study that coders filed: what an eye without error would see."""

    def __init__(self, config: SightConfig, width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(1 + len(config.findings), width)

    def forward(self, findings: Tensor) -> Tensor:
        """Return (N, P, W) of findings (N, P): 1 and up by their place in the settings, 0 none."""
        tokens: Tensor = self.embedding(findings)
        return tokens


def make_sight(config: SightConfig, width: int) -> nn.Module:
    """Return an untrained network from what is seen to tokens (N, P, width)."""
    kinds = {"grid": GridSight, "swin": SwinSight, "findings": FindingsSight}
    return kinds[config.kind](config, width)
