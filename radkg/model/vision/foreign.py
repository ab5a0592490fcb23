"""Weights that others published: read without running anything, and held against what we expect.

Safetensors, or pickles that hold tensors alone.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from radkg.errors import ExtractorError


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file, or of a pickle that holds nothing else.

    Raises:
        ExtractorError: the file is neither.
    """
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        held = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ExtractorError(
            f"{path} is refused: it is no file of tensors alone, and loading it could run a "
            f"program ({str(error).splitlines()[0]}): get the weights as safetensors"
        ) from error
    except (OSError, EOFError, RuntimeError, SafetensorError, KeyError, ValueError) as error:
        raise ExtractorError(f"{path} holds no weights: {error}: copy it again") from error
    tensors = held.get("state_dict", held) if isinstance(held, dict) else held
    if not isinstance(tensors, dict) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in tensors.items()
    ):
        raise ExtractorError(f"{path} holds no table of named tensors: give a state_dict")
    return {name.removeprefix("module."): tensor for name, tensor in tensors.items()}


def check_fit(
    path: Path, expected: Mapping[str, torch.Size], tensors: Mapping[str, Tensor]
) -> None:
    """Raise ExtractorError, naming what differs, unless names and shapes are the expected ones."""
    missing = sorted(set(expected) - set(tensors))
    unknown = sorted(set(tensors) - set(expected))
    if missing or unknown:
        raise ExtractorError(
            f"{path} does not fit the image tower: missing {missing[:3]}, unknown {unknown[:3]}"
        )
    for name, shape in expected.items():
        if tensors[name].shape != shape:
            raise ExtractorError(
                f"{path} does not fit the image tower: {name} is {tuple(tensors[name].shape)} "
                f"instead of {tuple(shape)}"
            )
        if not torch.isfinite(tensors[name]).all():
            raise ExtractorError(f"{path}: {name} holds NaN or infinity: get the file again")
