"""A model of the published sizes with random weights, and invented sentences to feed it.

The tokenizer is a small one: random weights do not care, and the vocabulary keeps its size.
"""

from __future__ import annotations

import dataclasses
import random

import torch

from radkg.model.config import (
    ModelConfig,
    ProjectorConfig,
    make_published_config,
    make_small_config,
)
from radkg.model.language import Language, train_tokenizer
from radkg.model.vlmkg.vlm import VisionLanguageModel

WORDS = [f"{a}{b}" for a in ("opa", "effu", "cardi", "nodu", "pleu", "hil") for b in "xyzw"]


def config(*, tiny: bool) -> ModelConfig:
    """Return VLM-KG's sizes (Qwen1.5-0.5B, mapper 64/64 with 8 layers), or tiny ones."""
    if not tiny:
        return make_published_config()
    language = dataclasses.replace(
        make_small_config().language,
        vocab_size=512,
        hidden=32,
        layers=2,
        heads=4,
        kv_heads=4,
        intermediate=64,
    )
    projector = ProjectorConfig(
        dim_in=16, dim_out=32, clip_length=4, prefix_length=4, layers=1, heads=4
    )
    return ModelConfig(language=language, projector=projector)


def model(settings: ModelConfig, device: torch.device, dtype: torch.dtype) -> VisionLanguageModel:
    """Return the model with random weights, made where it is used."""
    language_config = dataclasses.replace(settings.language, vocab_size=400)
    tokenizer = train_tokenizer([" " + " ".join(WORDS)], language_config)
    torch.manual_seed(0)
    with torch.device(device):
        made = VisionLanguageModel(settings, Language(tokenizer, settings.language))
    return made.to(dtype)


def sentences(count: int, words: int, seed: int = 0) -> list[str]:
    """Return sentences of so many words, each different from the others."""
    rng = random.Random(seed)
    return [
        " ".join([f"n{number}", *(rng.choice(WORDS) for _ in range(words - 1))])
        for number in range(count)
    ]
