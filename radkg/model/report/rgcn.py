"""Relational graph convolution (Schlichtkrull et al., arXiv 1703.06103), without bases.

    out_i = W_0 x_i + b + sum over relations r of W_r mean(x_j for each edge j -r-> i)

An edge says something of its tail: it goes from head to tail, and never back.

N nodes, E edges, R relations, I and O widths in and out.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class RelationalConv(nn.Module):
    """One layer."""

    def __init__(self, width_in: int, width_out: int, relations: int) -> None:
        super().__init__()
        self._relations = relations
        self.weight = nn.Parameter(torch.empty(relations, width_in, width_out))
        self.root = nn.Parameter(torch.empty(width_in, width_out))
        self.bias = nn.Parameter(torch.zeros(width_out))
        nn.init.xavier_uniform_(self.root)
        for one in self.weight:
            nn.init.xavier_uniform_(one)

    def forward(self, nodes: Tensor, heads: Tensor, tails: Tensor, relations: Tensor) -> Tensor:
        """Return (N, O) of nodes (N, I), given head, tail and relation of each edge (E,)."""
        places = tails * self._relations + relations  # (E,): a tail has a place for each relation
        number = len(nodes) * self._relations
        sums = nodes.new_zeros(number, nodes.shape[1]).index_add(0, places, nodes[heads])
        counts = torch.bincount(places, minlength=number).clamp(min=1)
        means = (sums / counts[:, None]).view(len(nodes), -1)  # (N, R * I)
        out: Tensor = nodes @ self.root + means @ self.weight.flatten(0, 1) + self.bias
        return out


class RGCN(nn.Module):
    """Two layers with ReLU and dropout between them; one network for graphs of any size."""

    def __init__(self, width: int, hidden: int, relations: int, dropout: float) -> None:
        super().__init__()
        self.first = RelationalConv(width, hidden, relations)
        self.second = RelationalConv(hidden, width, relations)
        self._dropout = dropout

    def forward(self, nodes: Tensor, heads: Tensor, tails: Tensor, relations: Tensor) -> Tensor:
        """Return (N, I) of nodes (N, I), given head, tail and relation of each edge (E,)."""
        between = F.relu(self.first(nodes, heads, tails, relations))
        between = F.dropout(between, self._dropout, self.training)
        out: Tensor = self.second(between, heads, tails, relations)
        return out
