"""Engines that generate: `load_engine` is the one door.

auto           ctranslate2 where it is installed and the model is on the CPU, else transformers
transformers   torch, everywhere, text and images
ctranslate2    int8 for text on the CPU; images through torch
vllm           on a GPU where vLLM is installed
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import Literal, get_args

from radkg.errors import ExtractorError
from radkg.model.generate.decode import Engine, TransformersEngine
from radkg.model.generate.grammar import Grammar
from radkg.model.vlmkg.vlm import VisionLanguageModel

EngineName = Literal["auto", "transformers", "ctranslate2", "vllm"]
ENGINES: tuple[EngineName, ...] = get_args(EngineName)


def load_engine(name: str, model: VisionLanguageModel, vocabulary: Sequence[str]) -> Engine:
    """Return an engine whose every output parses and grounds.

    Args:
        name: one of ENGINES.
        model: trained weights, on the device to run on.
        vocabulary: names that the target `codes` may use.

    Raises:
        ExtractorError: there is no such engine, or what it needs is not installed.
    """
    if name not in ENGINES:
        raise ExtractorError(f"no engine {name!r}: give {', '.join(ENGINES)}")
    if name == "vllm":
        from radkg.model.generate.engine_vllm import VllmEngine

        return VllmEngine(model, vocabulary)
    language = model.config.language
    strict = TransformersEngine(model, Grammar(model.language, language.vocab_size, vocabulary))
    on_cpu = model.model.device.type == "cpu"
    is_there = importlib.util.find_spec("ctranslate2") is not None
    if name == "transformers" or (name == "auto" and not (on_cpu and is_there)):
        return strict
    if not is_there:
        raise ExtractorError("the engine ctranslate2 is not installed: pip install ctranslate2")
    from radkg.model.generate.engine_ctranslate2 import CTranslate2Engine

    return CTranslate2Engine(strict, vocabulary)
