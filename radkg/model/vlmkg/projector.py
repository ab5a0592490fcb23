"""From one feature vector of an image to the prefix of the language model.

B images, C feature width, D language width, k clip length, n prefix length. All kinds share one
signature: (B, C) -> (B, n, D).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from radkg.model.config import ProjectorConfig


class Mapper(nn.Module):
    """ClipCap's TransformerMapper (Mokady et al. 2021), VLM-KG's projector.

    The features become k tokens, n learnt ones stand behind them, and what the layers make of
    those n is the prefix. No positions, no mask, no dropout, no norm at the end.
    """

    def __init__(self, config: ProjectorConfig) -> None:
        super().__init__()
        self.clip_length = config.clip_length
        self.linear = nn.Linear(config.dim_in, config.clip_length * config.dim_out)
        self.constant = nn.Parameter(torch.randn(config.prefix_length, config.dim_out))
        self.layers = nn.ModuleList(
            Block(config.dim_out, config.heads, config.mlp_ratio) for _ in range(config.layers)
        )

    def forward(self, features: Tensor) -> Tensor:
        """Return the prefix (B, n, D) of features (B, C)."""
        batch = len(features)
        image = self.linear(features).view(batch, self.clip_length, -1)  # (B, k, D)
        hidden = torch.cat([image, self.constant.expand(batch, -1, -1)], dim=1)  # (B, k + n, D)
        for layer in self.layers:
            hidden = layer(hidden)
        prefix: Tensor = hidden[:, self.clip_length :]
        return prefix


class Block(nn.Module):
    """One pre-norm transformer layer; queries, keys and values have no bias."""

    def __init__(self, width: int, heads: int, mlp_ratio: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width)
        self.to_queries = nn.Linear(width, width, bias=False)
        self.to_keys_values = nn.Linear(width, 2 * width, bias=False)
        self.project = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, mlp_ratio * width), nn.ReLU(), nn.Linear(mlp_ratio * width, width)
        )

    def forward(self, hidden: Tensor) -> Tensor:
        """Return hidden (B, T, D) after attention over all T and the MLP."""
        normed = self.norm1(hidden)
        keys, values = self.to_keys_values(normed).chunk(2, dim=-1)
        queries = self._split(self.to_queries(normed))
        attended = F.scaled_dot_product_attention(queries, self._split(keys), self._split(values))
        hidden = hidden + self.project(attended.transpose(1, 2).flatten(2))
        changed: Tensor = hidden + self.mlp(self.norm2(hidden))
        return changed

    def _split(self, x: Tensor) -> Tensor:
        batch, length, _ = x.shape
        return x.view(batch, length, self.heads, -1).transpose(1, 2)  # (B, heads, T, D / heads)


def make_projector(config: ProjectorConfig) -> nn.Module:
    """Return a projector of the kind that the settings name, with random weights."""
    n, d = config.prefix_length, config.dim_out
    if config.kind == "mapper":
        return Mapper(config)
    if config.kind == "mlp":
        layers: list[nn.Module] = [
            nn.Linear(config.dim_in, config.bottleneck),
            nn.Tanh(),
            nn.Linear(config.bottleneck, n * d),
        ]
    else:  # linear-1 is linear-n with one token
        layers = [nn.Linear(config.dim_in, n * d)]
    return nn.Sequential(*layers, nn.Unflatten(-1, (n, d)))
