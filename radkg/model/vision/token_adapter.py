"""The adapter that turns a cell of the tower's grid into a visual token of a chosen width.

Published code used a linear layer that was random and not saved. This one learns to tell by the
token which finding the cell was chosen for, so that tokens of one finding lie together.

N cells, C channels of the tower, D width of a token, L findings.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.nn import functional

from radkg.errors import KnowledgeError
from radkg.model.vision.tower import FEATURE_DIM

_EPOCHS, _BATCH, _RATE, _DECAY = 30, 64, 1e-3, 0.05


class TokenAdapter(nn.Module):
    """A linear layer from cells to tokens, and one that names the finding of a token."""

    def __init__(self, width: int, num_findings: int) -> None:
        super().__init__()
        self.project = nn.Linear(FEATURE_DIM, width)
        self.name = nn.Linear(width, num_findings)

    def forward(self, cells: Tensor) -> Tensor:
        """Return tokens (N, D) of normalised cells (N, C)."""
        tokens: Tensor = self.project(cells)
        return tokens

    def compute_logits(self, cells: Tensor) -> Tensor:
        """Return (N, L) logits of the findings."""
        logits: Tensor = self.name(self(cells))
        return logits


def fit_adapter(
    cells: Tensor, findings: Tensor, num_findings: int, width: int, seed: int = 0
) -> TokenAdapter:
    """Return an adapter that learnt the findings (N,) of cells (N, C); equal input, equal weights.

    Args:
        cells: normalised, as `normalise_cells` gives them.
        findings: of each cell, in [0, num_findings).
        num_findings: L.
        width: D.
        seed: of the first weights and of the order of the cells.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        adapter = TokenAdapter(width, num_findings)
    order = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(adapter.parameters(), lr=_RATE, weight_decay=_DECAY)
    rounds = [torch.randperm(len(cells), generator=order) for _ in range(_EPOCHS)]
    batches = [rows[i : i + _BATCH] for rows in rounds for i in range(0, len(cells), _BATCH)]
    with torch.enable_grad():
        for number, batch in enumerate(batches):
            for group in optimizer.param_groups:
                group["lr"] = _RATE * (1 - number / len(batches))
            loss = functional.cross_entropy(adapter.compute_logits(cells[batch]), findings[batch])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    return adapter.eval().requires_grad_(False)


def save_adapter(adapter: TokenAdapter) -> bytes:
    """Return the adapter as the bytes of a safetensors file."""
    return bytes(save({name: each.contiguous() for name, each in adapter.state_dict().items()}))


def load_adapter(path: Path) -> TokenAdapter:
    """Return the adapter of a file.

    Raises:
        KnowledgeError: the file is missing, damaged, or of a tower with another grid.
    """
    try:
        weights = load(path.read_bytes())
        width, num_findings = len(weights["project.bias"]), len(weights["name.bias"])
        adapter = TokenAdapter(width, num_findings)
        adapter.load_state_dict(weights)
    except (OSError, SafetensorError, KeyError, RuntimeError) as error:
        raise KnowledgeError(
            f"{path} is no adapter of visual tokens of this radkg: {error}: build the knowledge "
            "graph again"
        ) from error
    return adapter.eval().requires_grad_(False)
