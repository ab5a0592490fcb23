"""The language model: any causal LM of the Qwen2 architecture, and how a prompt becomes tokens.

    [image prefix] instruction sentence separator | output eos

The sentence is shown as `schema.sentences.words` cuts it, so that a word is the same tokens where
it is read and where it is written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import Qwen2Config, Qwen2ForCausalLM

from radkg.errors import ConfigError, ExtractorError
from radkg.model.config import LanguageConfig
from radkg.schema.linearize import Target
from radkg.schema.sentences import find_words


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model is asked: a sentence ("" for none), and a row of the images' prefixes."""

    target: Target
    sentence: str
    image: int | None = None
    may_end_line: bool = False
    """whether a line end may stand before the end of the output, as examples in a prompt have it"""


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
        count = 1 + max(tokenizer.get_vocab(with_added_tokens=True).values())
        if count > config.vocab_size:
            raise ExtractorError(
                f"the tokenizer has {count} tokens, the model {config.vocab_size}: they are not of "
                "one model"
            )
        self.eos_id: int = eos
        self.pad_id: int = eos
        self._fixed = {
            text: self._encode(text)
            for text in (config.instruct_copy, config.instruct_codes, config.separator)
        }

    def encode_prompt(self, prompt: Prompt) -> list[int]:
        """Return the tokens of instruction, sentence and separator."""
        config = self.config
        instruction = config.instruct_copy if prompt.target == "copy" else config.instruct_codes
        text = "".join(" " + word for word, _, _ in find_words(prompt.sentence))
        return [*self._fixed[instruction], *self._encode(text), *self._fixed[config.separator]]

    def encode_output(self, text: str) -> list[int]:
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


def load_published_weights(kind: Any, directory: Path, dtype: torch.dtype = torch.float32) -> Any:
    """Return a model of transformers from its Hugging Face directory, all of its weights read.

    Args:
        kind: class with `from_pretrained`.
        directory: with config.json and .safetensors.
        dtype: of the weights.

    Raises:
        ExtractorError: a file is missing or damaged, or the weights do not fit the settings.
    """
    if not any(directory.glob("*.safetensors")):
        raise ExtractorError(f"{directory} holds no .safetensors: pickled weights are not read")
    try:
        model, report = kind.from_pretrained(
            directory,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            dtype=dtype,
            ignore_mismatched_sizes=True,  # they are named below
            output_loading_info=True,
        )
    except Exception as error:  # of transformers and safetensors, without a common base
        raise ExtractorError(f"{directory} cannot be read: {error}: copy it again") from error
    unfit = sorted({*report["missing_keys"], *(key[0] for key in report["mismatched_keys"])})
    if unfit:  # transformers would go on with random weights
        raise ExtractorError(
            f"the weights in {directory} do not fit config.json: {', '.join(unfit[:3])}"
        )
    return model


def read_language(directory: Path) -> tuple[Qwen2ForCausalLM, Tokenizer, LanguageConfig]:
    """Return a published Qwen2-architecture model from its Hugging Face directory.

    Raises:
        ExtractorError: a file is missing or damaged, the weights do not fit the settings, or the
            model is of another architecture.
    """
    try:
        config = json.loads((directory / "config.json").read_text())
        tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
    except Exception as error:  # tokenizers raises a bare Exception
        raise ExtractorError(f"{directory} is no model directory: {error}") from error
    kind = config.get("model_type") if isinstance(config, dict) else None
    if kind != "qwen2":
        raise ExtractorError(
            f"{directory} holds a {kind!r} model: radkg reads the Qwen2 architecture"
        )
    model = load_published_weights(Qwen2ForCausalLM, directory)
    for name, parameter in model.named_parameters():
        if not torch.isfinite(parameter).all():
            raise ExtractorError(f"{directory}: {name} holds NaN or infinity: get the file again")
    return model, tokenizer, _settings(directory, model.config)


def _settings(directory: Path, config: Any) -> LanguageConfig:
    """Return the sizes of a published model, unless it has what our settings cannot say."""
    rope = config.rope_parameters
    for what, is_known in {
        f"rope_type {rope['rope_type']!r}": rope["rope_type"] == "default",
        f"hidden_act {config.hidden_act!r}": config.hidden_act == "silu",
        "use_sliding_window": not config.use_sliding_window,
    }.items():
        if not is_known:
            raise ExtractorError(f"{directory}/config.json: radkg does not read models of {what}")
    try:
        return LanguageConfig(
            vocab_size=config.vocab_size,
            hidden=config.hidden_size,
            layers=config.num_hidden_layers,
            heads=config.num_attention_heads,
            kv_heads=config.num_key_value_heads,
            intermediate=config.intermediate_size,
            max_positions=config.max_position_embeddings,
            rope_theta=float(rope["rope_theta"]),
            norm_eps=config.rms_norm_eps,
            tied=config.tie_word_embeddings,
        )
    except ConfigError as error:
        raise ExtractorError(f"{directory}/config.json: {error}") from error


def train_tokenizer(texts: Iterable[str], config: LanguageConfig) -> Tokenizer:
    """Return a tokenizer for texts as prompts show them; equal for equal texts."""
    fixed = [config.eos, config.instruct_copy, config.instruct_codes, config.separator]
    return train_byte_tokenizer(texts, config.vocab_size, fixed)


def train_byte_tokenizer(
    texts: Iterable[str], vocab_size: int, special: Sequence[str]
) -> Tokenizer:
    """Return a byte-level BPE tokenizer with these special tokens; equal for equal texts."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(special),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer
