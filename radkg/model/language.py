"""The language model: any causal LM of the Qwen2 architecture, and how a prompt becomes tokens.

    [image prefix] instruction sentence separator | output eos

The sentence is shown as `schema.sentences.words` cuts it, so that a word is the same tokens where
it is read and where it is written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import Qwen2Config, Qwen2ForCausalLM

from radkg.errors import ConfigError, ExtractorError
from radkg.model.config import LanguageConfig
from radkg.schema.linearize import Target
from radkg.schema.sentences import words


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model is asked: a sentence ("" for none), and a row of the images' prefixes."""

    target: Target
    sentence: str
    image: int | None = None


class Language:
    """A tokenizer with the fixed wording around it."""

    def __init__(self, tokenizer: Tokenizer, config: LanguageConfig) -> None:
        self.tokenizer = tokenizer
        self.config = config
        eos = tokenizer.token_to_id(config.eos)
        if eos is None:
            raise ExtractorError(
                f"the tokenizer has no token {config.eos!r}: it is not of this model"
            )
        if tokenizer.get_vocab_size() > config.vocab_size:
            raise ExtractorError(
                f"the tokenizer has {tokenizer.get_vocab_size()} tokens, the model "
                f"{config.vocab_size}: they are not of one model"
            )
        self.eos_id: int = eos
        self.pad_id: int = eos
        self._fixed = {
            text: self._encode(text)
            for text in (config.instruct_copy, config.instruct_codes, config.separator)
        }

    def prompt_ids(self, prompt: Prompt) -> list[int]:
        """Return the tokens of instruction, sentence and separator."""
        config = self.config
        instruction = config.instruct_copy if prompt.target == "copy" else config.instruct_codes
        text = "".join(" " + word for word, _, _ in words(prompt.sentence))
        return [*self._fixed[instruction], *self._encode(text), *self._fixed[config.separator]]

    def output_ids(self, text: str) -> list[int]:
        """Return the tokens of an output with the one that ends it."""
        return [*(self._encode(" " + text) if text else []), self.eos_id]

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of output tokens without the end and the blank before it."""
        text: str = self.tokenizer.decode(
            [i for i in ids if i != self.eos_id], skip_special_tokens=False
        )
        return text.removeprefix(" ")

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return ids


def make_language_model(config: LanguageConfig) -> Qwen2ForCausalLM:
    """Return a model of these sizes with random weights."""
    return Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=config.vocab_size,
            hidden_size=config.hidden,
            intermediate_size=config.intermediate,
            num_hidden_layers=config.layers,
            num_attention_heads=config.heads,
            num_key_value_heads=config.kv_heads,
            max_position_embeddings=config.max_positions,
            rope_parameters={"rope_type": "default", "rope_theta": config.rope_theta},
            rms_norm_eps=config.norm_eps,
            tie_word_embeddings=config.tied,
            use_cache=True,
            bos_token_id=None,
            eos_token_id=None,
            pad_token_id=None,
        )
    )


def read_language(directory: Path) -> tuple[Qwen2ForCausalLM, Tokenizer, LanguageConfig]:
    """Return a published Qwen2-architecture model from its Hugging Face directory.

    Raises:
        ExtractorError: a file is missing, or the model is of another architecture.
    """
    try:
        config = json.loads((directory / "config.json").read_text())
        tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
    except Exception as error:  # tokenizers raises a bare Exception
        raise ExtractorError(f"{directory} is no model directory: {error}") from error
    if config.get("model_type") != "qwen2":
        raise ExtractorError(
            f"{directory} holds a {config.get('model_type')!r} model: radkg reads the Qwen2 "
            "architecture"
        )
    if not any(directory.glob("*.safetensors")):
        raise ExtractorError(f"{directory} holds no .safetensors: pickled weights are not read")
    model = Qwen2ForCausalLM.from_pretrained(
        directory, use_safetensors=True, trust_remote_code=False, dtype=torch.float32
    )
    rope: Any = model.config.rope_parameters
    rope_theta = float(rope["rope_theta"])
    try:
        language = LanguageConfig(
            vocab_size=config["vocab_size"],
            hidden=config["hidden_size"],
            layers=config["num_hidden_layers"],
            heads=config["num_attention_heads"],
            kv_heads=config["num_key_value_heads"],
            intermediate=config["intermediate_size"],
            max_positions=config["max_position_embeddings"],
            rope_theta=rope_theta,
            norm_eps=config["rms_norm_eps"],
            tied=config["tie_word_embeddings"],
        )
    except (KeyError, ConfigError) as error:
        raise ExtractorError(f"{directory}/config.json: {error}") from error
    return model, tokenizer, language


def train_tokenizer(texts: Iterable[str], config: LanguageConfig) -> Tokenizer:
    """Return a byte-level BPE tokenizer for texts as prompts show them; equal for equal texts."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=config.vocab_size,
        special_tokens=[
            config.eos,
            config.instruct_copy,
            config.instruct_codes,
            config.separator,
        ],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer
