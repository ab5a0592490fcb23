"""Which engine generates, and how much of a machine it has; needs neither torch nor an engine."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

from radkg.errors import ConfigError

AUTO = "auto"
EngineName = Literal["auto", "transformers", "continuous", "ctranslate2", "vllm"]


class EngineSpec(NamedTuple):
    """What `load_engine` is asked for."""

    name: EngineName = "auto"
    batch_tokens: int | None = None
    """tokens that the engine reads at once, at most; None: as the engine has it"""
    gpus: float = 1.0
    """of one worker, where the device is a GPU; more than 1: the model lies over all of them"""


AS_IT_IS = EngineSpec()


def check_engine(name: str, batch_tokens: int | None) -> None:
    """Check what a person gives as --engine and --batch-tokens.

    Raises:
        ConfigError: there is no such engine, or the number is none.
    """
    if name not in get_args(EngineName):
        raise ConfigError(f"--engine is one of {', '.join(get_args(EngineName))}, not {name!r}")
    if batch_tokens is not None and batch_tokens < 1:
        raise ConfigError(f"--batch-tokens must be at least 1, not {batch_tokens}")
