"""The cross block of R2GenKG: tokens of one side look at those of the other.

    q = q + Attn(LN q, LN k, LN v)        one norm for the three
    q = q + MLP(LN' q)

The norms have a gain, and a shift that stays 0.

B rows, Q and P tokens, W width.
"""

from __future__ import annotations

from torch import Tensor, nn


class GainNorm(nn.LayerNorm):
    """A layer norm that scales, and never shifts."""

    def __init__(self, width: int) -> None:
        super().__init__(width, bias=False)


class CrossBlock(nn.Module):
    """One attention and one MLP, four times as wide, each added to what went in."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.norm = GainNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, dropout, batch_first=True)
        self.fed_norm = GainNorm(width)
        self.feed = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, queries: Tensor, seen: Tensor) -> Tensor:
        """Return the queries (B, Q, W) after they looked at `seen` (B, P, W)."""
        known = self.norm(seen)
        found, _ = self.attention(self.norm(queries), known, known, need_weights=False)
        queries = queries + found
        out: Tensor = queries + self.feed(self.fed_norm(queries))
        return out
