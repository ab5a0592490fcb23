"""Engines that generate: `load_engine` is the one door.

auto           ctranslate2 where it is installed and the model is on the CPU, else transformers
transformers   torch, everywhere, text and images
ctranslate2    int8 for text on the CPU; images through torch
vllm           on a GPU where vLLM is installed
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence

from radkg.errors import ExtractorError
from radkg.model.generate.decode import Engine, TransformersEngine
from radkg.model.generate.grammar import Grammar
from radkg.model.vlmkg.vlm import VisionLanguageModel

AUTO = "auto"


def load_engine(name: str, model: VisionLanguageModel, vocabulary: Sequence[str]) -> Engine:
    """Return an engine whose every output parses and grounds.

    Args:
        name: `auto` or one of ENGINES.
        model: trained weights, on the device to run on.
        vocabulary: names that the target `codes` may use.

    Raises:
        ExtractorError: there is no such engine, or what it needs is not installed.
    """
    if name == AUTO:
        is_fast = model.model.device.type == "cpu" and _has_ctranslate2()
        name = "ctranslate2" if is_fast else "transformers"
    if name not in ENGINES:
        raise ExtractorError(f"no engine {name!r}: give {', '.join([AUTO, *ENGINES])}")
    return ENGINES[name](model, vocabulary)


def _load_transformers(model: VisionLanguageModel, vocabulary: Sequence[str]) -> TransformersEngine:
    size = model.config.language.vocab_size
    return TransformersEngine(model, Grammar(model.language, size, vocabulary))


def _load_ctranslate2(model: VisionLanguageModel, vocabulary: Sequence[str]) -> Engine:
    if not _has_ctranslate2():
        raise ExtractorError("the engine ctranslate2 is not installed: pip install ctranslate2")
    from radkg.model.generate.engine_ctranslate2 import CTranslate2Engine

    return CTranslate2Engine(_load_transformers(model, vocabulary), vocabulary)


def _load_vllm(model: VisionLanguageModel, vocabulary: Sequence[str]) -> Engine:
    from radkg.model.generate.engine_vllm import VllmEngine

    return VllmEngine(model, vocabulary)


def _has_ctranslate2() -> bool:
    return importlib.util.find_spec("ctranslate2") is not None


ENGINES: dict[str, Callable[[VisionLanguageModel, Sequence[str]], Engine]] = {
    "transformers": _load_transformers,
    "ctranslate2": _load_ctranslate2,
    "vllm": _load_vllm,
}
"""what loads each engine; a new one is a line here and a file of its own"""
