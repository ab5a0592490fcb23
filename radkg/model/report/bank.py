"""The bank of R2GenKG: the queries look up visual tokens of known findings.

    softmax(W_q F_q (W_k B)^T / sqrt(W)) W_v B          one head, all rows of B

B rows, Q queries, M tokens of the bank, W width, K width of the bank.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class BankLookup(nn.Module):
    """The bank, which does not learn, and the attention of the queries over it."""

    tokens: Tensor

    def __init__(self, width: int, bank_size: int, bank_width: int) -> None:
        super().__init__()
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(bank_width, width)
        self.value = nn.Linear(bank_width, width)
        self.register_buffer("tokens", torch.zeros(bank_size, bank_width))

    def forward(self, queries: Tensor) -> Tensor:
        """Return what the queries (B, Q, W) find, (B, Q, W)."""
        found: Tensor = self.compute_weights(queries) @ self.value(self.tokens)
        return found

    def compute_weights(self, queries: Tensor) -> Tensor:
        """Return how much each query (B, Q, W) looks at each token, (B, Q, M)."""
        scores = self.query(queries) @ self.key(self.tokens).T
        weights: Tensor = (scores / queries.shape[-1] ** 0.5).softmax(-1)
        return weights
