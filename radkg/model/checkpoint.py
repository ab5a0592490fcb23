"""Model directories: config.json, model.safetensors, tokenizer.json, README.md. Never a pickle.

Weights are stored in half precision where asked and computed with in float32. The hash of what
decides the output is the model's id.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from radkg.config import Config
from radkg.errors import ConfigError, ExtractorError
from radkg.private import make_directory, write_text

_C = TypeVar("_C", bound=Config)

_CHUNK = 1 << 24  # bytes of a file that are read at once
CONFIG, WEIGHTS, TOKENIZER, CARD = "config.json", "model.safetensors", "tokenizer.json", "README.md"


def save(
    directory: Path,
    config: str,
    weights: dict[str, Tensor],
    *,
    tokenizer: Tokenizer | None = None,
    card: str,
    half: bool = False,
) -> None:
    """Write a model directory; `config` is JSON with its `kind`, `card` the model card."""
    make_directory(directory)
    # a tied head is stored once: safetensors refuses tensors that share memory
    kept: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, tensor in weights.items():
        if tensor.data_ptr() not in seen:
            is_float = tensor.is_floating_point()
            kept[name] = tensor.detach().cpu().to(torch.float16 if half and is_float else None)
            kept[name] = kept[name].contiguous()
        seen.add(tensor.data_ptr())
    save_file(kept, directory / WEIGHTS)
    write_text(directory / CONFIG, config)
    write_text(directory / CARD, card)
    if tokenizer is not None:
        tokenizer.save(str(directory / TOKENIZER))


def read_config(directory: Path) -> dict[str, Any]:
    """Return config.json of a model directory.

    Raises:
        ExtractorError: there is none, it is no JSON object, or it has no `kind`.
    """
    if not directory.is_dir():
        raise ExtractorError(f"no model directory at {directory}")
    try:
        config = json.loads((directory / CONFIG).read_text())
    except (OSError, ValueError) as error:
        raise ExtractorError(f"{directory} is no model directory: {CONFIG}: {error}") from error
    if not isinstance(config, dict) or "kind" not in config:
        raise ExtractorError(f"{directory / CONFIG} has no `kind`: radkg did not write it")
    return config


def read_tokenizer(directory: Path) -> Tokenizer:
    """Return the tokenizer of a model directory."""
    try:
        return Tokenizer.from_file(str(directory / TOKENIZER))
    except Exception as error:  # tokenizers raises a bare Exception
        raise ExtractorError(f"{directory / TOKENIZER} cannot be read: {error}") from error


def load_weights(
    module: nn.Module, directory: Path, prefix: str = "", absent: AbstractSet[str] = frozenset()
) -> None:
    """Fill a module from the names of model.safetensors that start with `prefix`.

    Args:
        module: what is filled.
        directory: the model directory.
        prefix: is taken off the names.
        absent: names of the module that the file need not hold; they stay as they are.

    Raises:
        ExtractorError: the file is missing, is no safetensors, or does not fit the settings.
    """
    path = directory / WEIGHTS
    if not path.is_file():
        pickled = [p.name for p in directory.glob("*") if p.suffix in (".bin", ".pt", ".pth")]
        hint = f"; {pickled[0]} is a pickle, which radkg never loads" if pickled else ""
        raise ExtractorError(f"no {WEIGHTS} in {directory}{hint}")
    try:
        with safe_open(path, framework="pt") as file:
            names = [n for n in file.keys() if n.startswith(prefix)]  # noqa: SIM118
            weights = {n.removeprefix(prefix): file.get_tensor(n).float() for n in names}
    except (SafetensorError, OSError) as error:
        raise ExtractorError(f"{path} is no safetensors file: {error}") from error
    expected = module.state_dict()
    tied = {n for n in expected if n not in weights and _shared(expected, n, weights)}
    missing = sorted(set(expected) - set(weights) - tied - absent)
    unknown = sorted(set(weights) - set(expected))
    if missing or unknown:
        raise ExtractorError(
            f"{path} does not fit {CONFIG}: missing {missing[:3]}, unknown {unknown[:3]}"
        )
    for name, tensor in weights.items():
        if tensor.shape != expected[name].shape:
            raise ExtractorError(
                f"{path} does not fit {CONFIG}: {name} is {tuple(tensor.shape)} instead of "
                f"{tuple(expected[name].shape)}"
            )
        if not torch.isfinite(tensor).all():
            raise ExtractorError(f"{path}: {name} holds NaN or infinity: the training broke")
    module.load_state_dict(weights, strict=False)


def compute_model_id(directory: Path, *parts: str) -> str:
    """Return the hash of everything in the directory that decides the output, 16 hex digits."""
    digest = sha256()
    for name in (CONFIG, WEIGHTS, TOKENIZER):
        path = directory / name
        digest.update(name.encode() + b"\0" + (path.read_bytes() if path.exists() else b""))
    for part in parts:
        digest.update(b"\0" + part.encode())
    return digest.hexdigest()[:16]


def digest_files(paths: Iterable[Path], *parts: str) -> str:
    """Return the hash of the names and contents of files, in order, and of texts, 16 hex digits."""
    digest = sha256()
    for path in paths:
        digest.update(path.name.encode() + b"\0")
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    for part in parts:
        digest.update(b"\0" + part.encode())
    return digest.hexdigest()[:16]


def parse_config(build: type[_C], values: dict[str, Any], directory: Path) -> _C:
    """Return settings built from config.json, or say which file holds an impossible one."""
    try:
        return build.from_mapping(values)
    except (ConfigError, TypeError) as error:
        raise ExtractorError(f"{directory / CONFIG}: {error}") from error


def _shared(expected: dict[str, Tensor], name: str, weights: dict[str, Tensor]) -> bool:
    """Tell whether a tensor shares its memory with one that the file holds (a tied head)."""
    return any(
        expected[name].data_ptr() == expected[other].data_ptr()
        for other in weights
        if other in expected
    )
