"""Low-rank adaptation (Hu et al., arXiv 2106.09685): a frozen matrix with a small trained one.

y = W x + b + (alpha / rank) * up(down(dropout(x)))        up starts at 0
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor, nn

from radkg.errors import ConfigError


class LoraLinear(nn.Module):
    """A linear map that stays as it is, and its trained correction of a low rank."""

    def __init__(self, linear: nn.Linear, rank: int, alpha: float, dropout: float) -> None:
        super().__init__()
        self.linear = linear.requires_grad_(False)
        device = linear.weight.device  # float32, whatever the model is in
        self.down = nn.Linear(linear.in_features, rank, bias=False, device=device)
        self.up = nn.Linear(rank, linear.out_features, bias=False, device=device)
        self.dropout = nn.Dropout(dropout)
        self._scale = alpha / rank
        nn.init.kaiming_uniform_(self.down.weight, a=math.sqrt(5))
        nn.init.zeros_(self.up.weight)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return (..., out) of inputs (..., in)."""
        own: Tensor = self.linear(inputs)
        low: Tensor = self.up(self.down(self.dropout(inputs.to(self.down.weight.dtype))))
        return own + (low * self._scale).to(own.dtype)


def add_lora(
    model: nn.Module,
    rank: int,
    alpha: float,
    dropout: float = 0.1,
    names: Sequence[str] = ("q_proj", "v_proj"),
) -> list[str]:
    """Freeze a model, give its linear maps of these names a correction, and return their paths.

    Raises:
        ConfigError: the model has no linear map of any of these names.
    """
    model.requires_grad_(False)
    changed = []
    for path, module in list(model.named_modules()):
        parent, _, name = path.rpartition(".")
        if name in names and isinstance(module, nn.Linear):
            setattr(model.get_submodule(parent), name, LoraLinear(module, rank, alpha, dropout))
            changed.append(path)
    if not changed:
        raise ConfigError(
            f"LoRA: {type(model).__name__} has no linear map called {' or '.join(names)}: freeze "
            "the language model instead"
        )
    return changed
