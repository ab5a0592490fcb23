"""Which engine generates, and how much of a machine it has; needs neither torch nor an engine."""

from __future__ import annotations

from typing import Literal, NamedTuple

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
