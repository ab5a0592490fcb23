"""The Q-Former: learned queries look at an image (Li et al., BLIP-2, arXiv 2301.12597).

BERT's layers after Devlin et al. (arXiv 1810.04805), normalised behind each sum: the queries
look at each other, in every second layer at the image, then pass the queries' feed-forward. There
is no feed-forward of a text, for no text goes in.

B rows, Q queries, P image tokens, W width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from radkg.model.report.r2genkg_config import QFormerConfig

_EPSILON = 1e-12  # BERT's
_RANGE = 0.02  # BERT's initializer_range


class Attention(nn.Module):
    """BERT's attention with its sum and its norm; keys and values may have another width."""

    def __init__(self, width: int, key_width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self._heads, self._dropout = heads, dropout
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(key_width, width)
        self.value = nn.Linear(key_width, width)
        self.out = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width, eps=_EPSILON)
        self.dropout = nn.Dropout(dropout)

    def forward(self, queries: Tensor, seen: Tensor) -> Tensor:
        """Return queries (B, Q, W) that have looked at `seen` (B, P, W')."""
        query, key, value = (
            made.unflatten(-1, (self._heads, -1)).transpose(1, 2)
            for made in (self.query(queries), self.key(seen), self.value(seen))
        )  # (B, heads, Q or P, W / heads)
        found = F.scaled_dot_product_attention(
            query, key, value, dropout_p=self._dropout if self.training else 0.0
        )
        mixed = self.out(found.transpose(1, 2).flatten(2))
        normed: Tensor = self.norm(queries + self.dropout(mixed))
        return normed


class QFormerLayer(nn.Module):
    """Self-attention, cross-attention where `sees`, the queries' feed-forward."""

    def __init__(self, config: QFormerConfig, sees: bool) -> None:
        super().__init__()
        width, dropout = config.width, config.dropout
        self.own = Attention(width, width, config.heads, dropout)
        self.cross = Attention(width, config.image_width, config.heads, dropout) if sees else None
        self.wide = nn.Linear(width, config.intermediate)
        self.narrow = nn.Linear(config.intermediate, width)
        self.norm = nn.LayerNorm(width, eps=_EPSILON)
        self.dropout = nn.Dropout(dropout)

    def forward(self, queries: Tensor, image: Tensor) -> Tensor:
        """Return queries (B, Q, W) after one look at the image (B, P, image_width)."""
        queries = self.own(queries, queries)
        if self.cross is not None:
            queries = self.cross(queries, image)
        fed = self.dropout(self.narrow(F.gelu(self.wide(queries))))
        normed: Tensor = self.norm(queries + fed)
        return normed


class QFormer(nn.Module):
    """Queries that are learned, and the layers through which they see an image."""

    def __init__(self, config: QFormerConfig) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.empty(config.queries, config.width))
        self.norm = nn.LayerNorm(config.width, eps=_EPSILON)
        self.dropout = nn.Dropout(config.dropout)
        self.layers = nn.ModuleList(
            QFormerLayer(config, i % config.cross_every == 0) for i in range(config.layers)
        )
        nn.init.normal_(self.queries, std=_RANGE)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=_RANGE)
                nn.init.zeros_(module.bias)

    def forward(self, image: Tensor) -> Tensor:
        """Return F_q (B, Q, W) of image tokens (B, P, image_width)."""
        queries: Tensor = self.dropout(self.norm(self.queries)).expand(len(image), -1, -1)
        for layer in self.layers:
            queries = layer(queries, image)
        return queries
