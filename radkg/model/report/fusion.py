"""The fusion of R2GenKG: the nodes of all scales look at each other, then part again.

S scales of N_s nodes, W width.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class ScaleFusion(nn.Module):
    """An encoder over all nodes; a node knows its scale and its place in it."""

    def __init__(
        self,
        width: int,
        scales: int,
        positions: int,
        heads: int,
        layers: int,
        intermediate: int,
        dropout: float,
        attention_dropout: float,
    ) -> None:
        super().__init__()
        self.scale = nn.Embedding(scales, width)
        self.position = nn.Embedding(positions, width)
        # a template that the encoder copies; normalised behind each sum, ReLU
        layer = nn.TransformerEncoderLayer(width, heads, intermediate, dropout, batch_first=True)
        layer.self_attn.dropout = attention_dropout
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)

    def forward(self, scales: Sequence[Tensor]) -> list[Tensor]:
        """Return the nodes (N_s, W) of each scale, after they looked at those of all."""
        counts = [len(nodes) for nodes in scales]
        device = scales[0].device
        placed = [
            nodes + self.scale.weight[i] + self.position(torch.arange(len(nodes), device=device))
            for i, nodes in enumerate(scales)
        ]
        fused: Tensor = self.encoder(torch.cat(placed)[None])[0]
        return list(torch.split(fused, counts))
