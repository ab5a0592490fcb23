"""A chat model from its directory in Hugging Face's layout, or from a GGUF file, with its template.

The weights are read when they are first needed: a driver that asks for the identity alone, and an
engine that reads the directory itself, do without.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import jinja2
import torch
from tokenizers import Tokenizer
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    AutoProcessor,
    AutoTokenizer,
)
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING,
)

from radkg.chat.examples import ExampleText
from radkg.chat.guide import ANSWER, write_question
from radkg.errors import ExtractorError
from radkg.model.checkpoint import digest_files
from radkg.model.device import resolve_device
from radkg.model.language import Prompt, load_published_weights
from radkg.schema.records import Device

_READ = ("*.json", "*.jinja", "*.safetensors", "*.gguf", "*.model")
_PROBE = "radkg"
_KEPT = 4096  # prompts whose tokens are kept, of some kB each: more than one call has
DIGITS = 3
"""of a confidence: the bits behind them change with the rows beside a row"""


@dataclass(frozen=True, slots=True)
class ChatPrompt(Prompt):
    """A sentence with the examples that it is asked with."""

    examples: tuple[ExampleText, ...] = ()


class ChatLanguage:
    """The tokenizer of a chat model, and its template around a question."""

    def __init__(self, directory: Path, gguf: str | None) -> None:
        try:
            self._made: Any = AutoTokenizer.from_pretrained(
                directory, local_files_only=True, **_of_gguf(gguf)
            )
            self.tokenizer: Tokenizer = self._made.backend_tokenizer
        except Exception as error:  # of transformers and tokenizers, without a common base
            raise ExtractorError(f"{directory}: its tokenizer cannot be read: {error}") from error
        self._encode_once = lru_cache(_KEPT)(self._encode)
        self._in_parts = False
        if not self._shows_text():  # templates of models with images may want a list of parts
            self._in_parts = True
            if not self._shows_text():
                raise ExtractorError(f"the chat template of {directory} does not show the question")
        self.eos_id: int = self._find_end()

    def encode_prompt(self, prompt: Prompt) -> list[int]:
        """Return the tokens of the whole question, up to where the answer begins.

        Whoever fits, sends and counts a prompt asks for the same tokens: they are made once.
        """
        return self._encode_once(prompt).tolist()

    def _encode(self, prompt: Prompt) -> array[int]:
        examples = prompt.examples if isinstance(prompt, ChatPrompt) else ()
        question = write_question(examples, prompt.sentence)
        text = self._show([self._say("user", question)], asks=True)
        return array("i", self.tokenizer.encode(text + ANSWER, add_special_tokens=False).ids)

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of output tokens without the end and the blank before it."""
        text: str = self.tokenizer.decode(
            [i for i in ids if i != self.eos_id], skip_special_tokens=False
        )
        return text.strip()

    def _say(self, role: str, content: str) -> dict[str, Any]:
        parts = [{"type": "text", "text": content}]
        return {"role": role, "content": parts if self._in_parts else content}

    def _shows_text(self) -> bool:
        try:
            return _PROBE in self._show([self._say("user", _PROBE)], asks=True)
        except (TypeError, jinja2.TemplateError):
            return False

    def _show(self, messages: list[dict[str, Any]], *, asks: bool) -> str:
        if not self._made.chat_template:  # a model that was not taught to chat goes on with a text
            return "\n\n".join(message["content"] for message in messages) + ("\n" if asks else "")
        text: str = self._made.apply_chat_template(
            messages, add_generation_prompt=asks, tokenize=False, enable_thinking=False
        )
        return text

    def _find_end(self) -> int:
        """Return the token that ends an answer: what the template puts behind one.

        Raises:
            ExtractorError: there is none, and the tokenizer names none.
        """
        turns = [self._say("user", "?"), self._say("assistant", _PROBE)]
        shown = self._show(turns, asks=False)
        after = self.tokenizer.encode(shown.rpartition(_PROBE)[2], add_special_tokens=False).ids
        special = {i for i, token in self.tokenizer.get_added_tokens_decoder().items()}
        found = next((i for i in after if i in special), self._made.eos_token_id)
        if found is None:
            raise ExtractorError("the tokenizer has no token that ends an answer")
        return int(found)


class ChatModel:
    """A causal language model of any architecture that transformers knows.

    Args:
        directory: in Hugging Face's layout, or with one .gguf file (which takes the packages gguf
            and accelerate).
        device: to compute on.

    Raises:
        ExtractorError: the directory holds no such model.
    """

    def __init__(self, directory: Path, device: Device = "cpu") -> None:
        self.directory = directory
        self._device = device
        self._gguf = _find_gguf(directory)
        try:
            self._config: Any = AutoConfig.from_pretrained(
                directory, local_files_only=True, **_of_gguf(self._gguf)
            )
        except Exception as error:  # of transformers, without a common base
            raise ExtractorError(f"{directory} holds no chat model: {error}") from error
        text = self._config.get_text_config()
        self.vocab_size = int(text.vocab_size)
        self.max_positions = int(getattr(text, "max_position_embeddings", 0) or 1 << 20)
        self.language = ChatLanguage(directory, self._gguf)

    @cached_property
    def model(self) -> Any:
        """The model with its weights, in bf16 on a GPU.

        Raises:
            ExtractorError: the weights are damaged, or do not fit the settings.
        """
        device = resolve_device(self._device)
        dtype = torch.float32 if device == "cpu" else torch.bfloat16
        kind = _choose_class(self._config)
        if self._gguf is None:
            model = load_published_weights(kind, self.directory, dtype)
        else:
            model = _load_gguf(kind, self.directory, self._gguf, dtype)
        return model.to(device).eval()

    def load_processor(self) -> Any:
        """Return what turns images and their question into the model's inputs.

        Raises:
            ExtractorError: the model takes no images, or its directory does not say how.
        """
        if type(self._config) not in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING:
            raise ExtractorError(
                f"{self.directory} holds a model that reads text alone: leave --condition out, or "
                "give a vision-language model"
            )
        try:
            made: Any = AutoProcessor.from_pretrained(  # type: ignore[no-untyped-call]
                self.directory, local_files_only=True
            )
        except Exception as error:  # of transformers, without a common base
            raise ExtractorError(
                f"{self.directory}: its image processor cannot be read: {error}"
            ) from error
        if not getattr(made, "image_processor", None) or not made.chat_template:
            raise ExtractorError(
                f"{self.directory} does not say how it is asked about images: it needs "
                "preprocessor_config.json and a chat template"
            )
        return made

    def compute_id(self, *parts: str) -> str:
        """Return the hash of every file that decides the output, 16 hex digits."""
        paths = {path for pattern in _READ for path in self.directory.glob(pattern)}
        return digest_files(sorted(paths), *parts)


def find_directory(place: str) -> Path:
    """Return the directory of a model: a path, or a name on the Hugging Face hub.

    Files that are not in the hub's cache here are fetched where the hub can be reached.

    Raises:
        ExtractorError: there is none.
    """
    path = Path(place)
    if path.is_dir():
        return path
    if not place or path.exists() or place.startswith((".", "/")) or place.count("/") > 1:
        raise ExtractorError(f"llm:{place} is no directory: give that of a chat model, or its name")
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(place, allow_patterns=list(_READ)))
    except Exception as error:  # of the hub, of HTTP and of the cache
        raise ExtractorError(
            f"no chat model llm:{place}: it is no directory here, and the hub gave none of that "
            f"name ({type(error).__name__}): copy the model to this machine and give its directory"
        ) from error


def _find_gguf(directory: Path) -> str | None:
    found = sorted(path.name for path in directory.glob("*.gguf"))
    if len(found) > 1:
        raise ExtractorError(f"{directory} holds {len(found)} .gguf files: keep the one to read")
    return found[0] if found and not (directory / "config.json").exists() else None


def _of_gguf(name: str | None) -> dict[str, str]:
    return {} if name is None else {"gguf_file": name}


def _choose_class(config: Any) -> Any:
    known = type(config) in MODEL_FOR_CAUSAL_LM_MAPPING
    return AutoModelForCausalLM if known else AutoModelForImageTextToText


def _load_gguf(kind: Any, directory: Path, name: str, dtype: torch.dtype) -> Any:
    try:
        return kind.from_pretrained(
            directory, gguf_file=name, local_files_only=True, dtype=dtype, trust_remote_code=False
        )
    except Exception as error:  # of transformers and gguf, without a common base
        raise ExtractorError(f"{directory / name} cannot be read: {error}") from error
