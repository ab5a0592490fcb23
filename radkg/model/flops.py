"""How much arithmetic a training step takes, and how much a device could do: the model FLOPs
utilisation (MFU) is their ratio. Known for causal language models; other models have none.
"""

from __future__ import annotations

import time
from collections.abc import Set
from typing import Any

import torch
from torch import nn

from radkg.model.vlmkg.projector import Mapper

# dense peaks in FLOP/s by a part of the device's name: (bfloat16, float32 without TF32)
_PEAKS = {
    "B200": (2250e12, 80e12),
    "H200": (989e12, 67e12),
    "H100 PCIe": (756e12, 51e12),
    "H100": (989e12, 67e12),
    "A100": (312e12, 19.5e12),
    "L40S": (362e12, 91.6e12),
}
_SIDE = 1024  # of the matrices that measure a CPU


def count_training_flops(
    model: nn.Module, tokens: int, outputs: int, rows: int, images: int = 0
) -> float | None:
    """Return the FLOPs that forward and backward passes over text and images need.

    Six per weight and token (four where the weight is frozen), and causal attention within rows of
    mean length. Padding counts nothing, embedding look-ups cost nothing.

    Args:
        tokens: of the text, in all rows.
        outputs: tokens that the loss counts: no others pass the head.
        images: rows with an image, each of which adds its prefix.

    Returns:
        None where `model` is none of these: it has no language model, or no `projector`.
    """
    language = _language(model)
    if language is None or not hasattr(model, "projector") or not rows:
        return None
    head: Any = language.lm_head
    apart = {id(m.weight) for m in language.modules() if isinstance(m, nn.Embedding)}
    apart.add(id(head.weight))
    projector = getattr(model, "projector", None)
    mapper = projector if isinstance(projector, Mapper) else None
    positions = tokens + images * (len(mapper.constant) if mapper else 0)
    sizes: Any = language.config
    attention = 6 * sizes.num_hidden_layers * sizes.hidden_size * positions / rows
    flops: float = positions * (_per_use(language, apart) + attention) + outputs * _per_use(head)
    if mapper:
        length = mapper.clip_length + len(mapper.constant)
        flops += images * (_per_use(mapper.linear) + length * _per_use(mapper.layers))
    elif projector is not None:
        flops += images * _per_use(projector)
    return flops


def find_peak_flops(device: torch.device, precision: str) -> tuple[float | None, str]:
    """Return the peak FLOP/s of a device and where the number is from.

    A GPU's is its maker's, None for one that is not in the table; a CPU's is measured with a
    product of two square matrices on the threads that torch uses.
    """
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
        for part, (bf16, fp32) in _PEAKS.items():
            if part in name:
                return (bf16 if precision == "bf16" else fp32), f"data sheet of {part}"
        return None, f"{name} is not in the table"
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    matrix = torch.ones((_SIDE, _SIDE), dtype=dtype)
    best = float("inf")
    for _ in range(4):
        start = time.perf_counter()
        matrix @ matrix
        best = min(best, time.perf_counter() - start)
    return 2 * _SIDE**3 / best, f"measured product of {_SIDE} x {_SIDE} matrices"


def _per_use(module: nn.Module, without: Set[int] = frozenset()) -> int:
    """Return the FLOPs of one vector that passes every matrix of the module, there and back."""
    weights = [p for p in module.parameters() if p.dim() > 1 and id(p) not in without]
    return sum((6 if p.requires_grad else 4) * p.numel() for p in weights)


def _language(model: nn.Module) -> nn.Module | None:
    for module in model.modules():
        if hasattr(getattr(module, "config", None), "num_hidden_layers") and hasattr(
            module, "lm_head"
        ):
            return module
    return None
