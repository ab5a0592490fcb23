"""A report model as a directory: what it learnt, its graph and its bank in model.safetensors.

A published language model that it does not train stands beside that, in `language`, as it was
published.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor
from transformers import PreTrainedModel

from radkg.model.checkpoint import (
    digest_files,
    load_weights,
    parse_config,
    read_config,
    read_tokenizer,
    save,
)
from radkg.model.language import make_language_model
from radkg.model.report.generator import ReportGenerator, read_causal_language
from radkg.model.report.r2genkg import R2GenKG
from radkg.model.report.r2genkg_config import R2GenKGConfig
from radkg.model.report.wording import ReportLanguage

LANGUAGE = "language"
VISION = "vision"
_LANGUAGE_PREFIX = "generator.model."


def make_r2genkg(
    config: R2GenKGConfig, tokenizer: Tokenizer, model: PreTrainedModel | None = None
) -> R2GenKG:
    """Return an untrained model whose graph and bank are still empty.

    Args:
        config: the sizes.
        tokenizer: that of the language model.
        model: the language model; None: one of the sizes in the settings.
    """
    if model is None:
        assert config.language is not None
        model = make_language_model(config.language)
    generator = ReportGenerator(
        model,
        ReportLanguage(tokenizer, config.wording),
        config.adaptation,
        lora_rank=config.lora_rank,
        lora_alpha=config.lora_alpha,
    )
    return R2GenKG(config, generator)


def save_r2genkg(
    directory: Path, model: R2GenKG, weights: dict[str, Tensor], card: str, *, half: bool = True
) -> None:
    """Write a model directory, without what stands in `language`.

    Args:
        directory: is made where it is not there.
        model: whose settings and tokenizer are written.
        weights: its state, as it is or as a training leaves it.
        card: the model card.
        half: whether the weights are stored in half precision.
    """
    absent = list_absent(model)
    save(
        directory,
        model.config.to_json(),
        {name: tensor for name, tensor in weights.items() if name not in absent},
        tokenizer=model.generator.language.tokenizer,
        card=card,
        half=half,
    )


def read_r2genkg(directory: Path) -> R2GenKG:
    """Return the model of a directory, in evaluation mode.

    Raises:
        ExtractorError: a file is missing or damaged, or the weights do not fit the settings.
    """
    config = parse_config(R2GenKGConfig, read_config(directory), directory)
    language: PreTrainedModel | None = None
    if config.language is None:
        dtype: torch.dtype = getattr(torch, config.language_dtype)
        language, tokenizer = read_causal_language(directory / LANGUAGE, dtype)
    else:
        tokenizer = read_tokenizer(directory)
    model = make_r2genkg(config, tokenizer, language)
    load_weights(model, directory, absent=list_absent(model))
    return model.eval()


def compute_language_id(directory: Path) -> str:
    """Return the hash of a language model's settings, weights and tokenizer, 16 hex digits."""
    kinds = (".json", ".safetensors")
    return digest_files(path for path in sorted(directory.glob("*")) if path.suffix in kinds)


def list_absent(model: R2GenKG) -> frozenset[str]:
    """Return the weights that a directory's model.safetensors does not hold.

    They are those of a published language model that do not learn, and a head that is the
    embedding.
    """
    language: Any = model.generator.model
    is_own = model.config.language is not None
    frozen = {
        name
        for name, parameter in model.named_parameters()
        if name.startswith(_LANGUAGE_PREFIX) and not (parameter.requires_grad or is_own)
    }
    tied = {_LANGUAGE_PREFIX + "lm_head.weight"} if language.config.tie_word_embeddings else set()
    return frozenset(frozen | tied)
