"""A MedKit model as a directory; a published language model stands beside it, in `language`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import torch
from tokenizers import Tokenizer
from torch import Tensor
from transformers import PreTrainedModel

from radkg.model.checkpoint import load_weights, parse_config, read_config, read_tokenizer, save
from radkg.model.language import make_language_model
from radkg.model.report.files import LANGUAGE, list_absent
from radkg.model.report.generator import ReportGenerator, read_causal_language
from radkg.model.report.medkit import MedKit
from radkg.model.report.medkit_config import MedKitConfig
from radkg.model.report.wording import ReportLanguage
from radkg.model.vision.tower import Tower


def make_medkit(
    config: MedKitConfig,
    tokenizer: Tokenizer,
    model: PreTrainedModel | None = None,
    tower: Tower | None = None,
) -> MedKit:
    """Return an untrained model.

    Args:
        config: sizes, labels and sentences.
        tokenizer: that of the language model.
        model: the language model; None: one of the sizes in the settings.
        tower: the 2D tower to start from; None: random weights.
    """
    if model is None:
        assert config.language is not None
        model = make_language_model(config.language)
    language = ReportLanguage(tokenizer, config.wording)
    return MedKit(config, ReportGenerator(model, language, config.adaptation), tower)


def save_medkit(directory: Path, model: MedKit, weights: dict[str, Tensor], card: str) -> None:
    """Write a model directory in half precision, without what stands in `language`.

    Args:
        directory: is made where it is not there.
        model: whose settings and tokenizer are written.
        weights: its state, as it is or as a training leaves it.
        card: the model card.
    """
    absent = list_absent(cast(Any, model))  # it looks at what report models share
    save(
        directory,
        model.config.to_json(),
        {name: tensor for name, tensor in weights.items() if name not in absent},
        tokenizer=model.generator.language.tokenizer,
        card=card,
        half=True,
    )


def read_medkit(directory: Path, language: Path | None = None) -> MedKit:
    """Return the model of a directory, in evaluation mode.

    Args:
        directory: of the model.
        language: where a published language model stands; None: inside the directory.

    Raises:
        ExtractorError: a file is missing or damaged, or the weights do not fit the settings.
    """
    config = parse_config(MedKitConfig, read_config(directory), directory)
    model: PreTrainedModel | None = None
    if config.language is None:
        dtype: torch.dtype = getattr(torch, config.language_dtype)
        model, tokenizer = read_causal_language(language or directory / LANGUAGE, dtype)
    else:
        tokenizer = read_tokenizer(directory)
    medkit = make_medkit(config, tokenizer, model)
    load_weights(medkit, directory, absent=list_absent(cast(Any, medkit)))
    return medkit.eval()
