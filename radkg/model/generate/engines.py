"""Engines that generate: `load_engine` is the one door.

auto           ctranslate2 where it is installed and the model is on the CPU, else transformers; for
               a chat model continuous
transformers   torch, everywhere, text and images
continuous     transformers' continuous batching: requests join and leave a batch at every token,
               and the beginning that prompts share is read once; images through torch
ctranslate2    int8 for text on the CPU; images through torch
vllm           on GPUs where vLLM is installed; the one that lays a model over several of them
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence

from radkg.errors import ExtractorError
from radkg.model.generate.decode import Engine, TextModel, TransformersEngine
from radkg.model.generate.engine_generate import GenerateEngine
from radkg.model.generate.grammar import Grammar
from radkg.model.generate.spec import AUTO, EngineSpec
from radkg.model.vlmkg.vlm import VisionLanguageModel

_OVER_SEVERAL = "vllm"


def load_engine(spec: EngineSpec, model: TextModel, vocabulary: Sequence[str]) -> Engine:
    """Return an engine whose every output parses and grounds.

    Args:
        spec: `auto` or the name of one of ENGINES, its batches, and how many GPUs it has.
        model: trained weights, on the device to run on: radkg's own, or a chat model.
        vocabulary: names that the target `codes` may use.

    Raises:
        ExtractorError: there is no such engine, what it needs is not installed, or it cannot run
            such a model.
    """
    name = _choose(model) if spec.name == AUTO else spec.name
    if name not in ENGINES:
        raise ExtractorError(f"no engine {name!r}: give {', '.join([AUTO, *ENGINES])}")
    if spec.gpus > 1 and name != _OVER_SEVERAL:
        raise ExtractorError(
            f"the engine {name} computes on one GPU, not on {spec.gpus:g}: give --engine "
            f"{_OVER_SEVERAL}, or --gpus-per-worker 1"
        )
    return ENGINES[name](model, vocabulary, spec)


def _choose(model: TextModel) -> str:
    if not isinstance(model, VisionLanguageModel):
        return "continuous"
    is_fast = model.model.device.type == "cpu" and _has_ctranslate2()
    return "ctranslate2" if is_fast else "transformers"


def _load_transformers(model: TextModel, vocabulary: Sequence[str], spec: EngineSpec) -> Engine:
    if isinstance(model, VisionLanguageModel):
        return _load_own(model, vocabulary, spec)
    return GenerateEngine(model, _make_grammar(model, vocabulary), spec.batch_tokens)


def _load_own(
    model: VisionLanguageModel, vocabulary: Sequence[str], spec: EngineSpec
) -> TransformersEngine:
    grammar = _make_grammar(model, vocabulary)
    return TransformersEngine(model, grammar, batch_tokens=spec.batch_tokens)


def _load_continuous(model: TextModel, vocabulary: Sequence[str], spec: EngineSpec) -> Engine:
    from radkg.model.generate.engine_continuous import ContinuousEngine

    grammar = _make_grammar(model, vocabulary)
    beside = _load_transformers(model, vocabulary, spec)
    return ContinuousEngine(model, grammar, beside, spec.batch_tokens)


def _load_ctranslate2(model: TextModel, vocabulary: Sequence[str], spec: EngineSpec) -> Engine:
    if not _has_ctranslate2():
        raise ExtractorError("the engine ctranslate2 is not installed: pip install ctranslate2")
    if not isinstance(model, VisionLanguageModel):
        raise ExtractorError(
            "the engine ctranslate2 runs radkg's own models: for a chat model give --engine "
            "continuous, transformers or vllm"
        )
    from radkg.model.generate.engine_ctranslate2 import CTranslate2Engine

    return CTranslate2Engine(_load_own(model, vocabulary, spec), vocabulary)


def _load_vllm(model: TextModel, vocabulary: Sequence[str], spec: EngineSpec) -> Engine:
    from radkg.model.generate.engine_vllm import VllmEngine

    return VllmEngine(model, vocabulary, spec)


def _make_grammar(model: TextModel, vocabulary: Sequence[str]) -> Grammar:
    return Grammar(model.language, model.vocab_size, vocabulary)


def _has_ctranslate2() -> bool:
    return importlib.util.find_spec("ctranslate2") is not None


ENGINES: dict[str, Callable[[TextModel, Sequence[str], EngineSpec], Engine]] = {
    "transformers": _load_transformers,
    "continuous": _load_continuous,
    "ctranslate2": _load_ctranslate2,
    "vllm": _load_vllm,
}
"""what loads each engine; a new one is a line here, a name in spec.py and a file of its own"""
