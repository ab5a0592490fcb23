"""What a vision-language chat model sees in the images of a study, as codes of human coders.

The images of a study are one question; the answer is written under the grammar of the codes. What
is seen is never grounded in the report: its entities have the image as their source.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from radkg.archive.images.pixels import read_radiograph
from radkg.chat.codebook import read_code_book
from radkg.chat.guide import ANSWER
from radkg.chat.model import DIGITS, ChatModel
from radkg.errors import ExtractorError
from radkg.extractor.coded import merge_outputs
from radkg.extractor.images import list_locations
from radkg.model.generate.engine_generate import generate_batch
from radkg.model.generate.grammar import Grammar
from radkg.model.language import Prompt
from radkg.schema.codes import Codes
from radkg.schema.records import Device, Study

_STUDIES_AT_ONCE: dict[Device, int] = {"cpu": 1, "cuda": 8}


class ChatSight:
    """Reads the codes of studies from their images.

    Args:
        model: whose directory has weights for images, and a processor.
        device: that the model computes on.

    Raises:
        ExtractorError: the model takes no images, or cannot be asked with them.
    """

    def __init__(self, model: ChatModel, device: Device) -> None:
        self._model = model
        self._at_once = _STUDIES_AT_ONCE[device]
        self._processor: Any = model.load_processor()
        self._book = read_code_book()
        self._computing = threading.Lock()  # one call computes, others wait
        self.tokens_read = self.tokens_written = 0

    @property
    def parts(self) -> tuple[str, ...]:
        """What decides the answers beside the model, for its identity."""
        return (*self._book.names, self._book.write_question(), ANSWER)

    @torch.inference_mode()
    def read(self, studies: Sequence[Study], max_new_tokens: int) -> list[Codes | None]:
        """Return all codes of each study with their confidences; None where there is no image.

        Raises:
            ArchiveError: an image cannot be read.
            ExtractorError: question and images are more than the model reads.
        """
        seen = [study for study in studies if list_locations(study)]
        found: dict[str, Codes] = {}
        for start in range(0, len(seen), self._at_once):
            members = seen[start : start + self._at_once]
            with self._computing:
                answers = self._answer(members, max_new_tokens)
            for study, codes in zip(members, answers, strict=True):
                found[study.study_id] = codes
        return [found.get(study.study_id) for study in studies]

    def _answer(self, studies: Sequence[Study], max_new_tokens: int) -> list[Codes]:
        images = [[_draw(place) for place in list_locations(study)] for study in studies]
        inputs = self._make_inputs(images)
        length = int(inputs["attention_mask"].sum(1).max())
        if length + max_new_tokens > self._model.max_positions:
            raise ExtractorError(
                f"the model reads {self._model.max_positions} tokens at most, and question and "
                f"images have {length}: give a model that reads more, or smaller images"
            )
        prompts = [Prompt("codes", "") for _ in studies]
        written = generate_batch(self._model, self._grammar, prompts, inputs, max_new_tokens)
        self.tokens_read += int(inputs["attention_mask"].sum())
        self.tokens_written += sum(len(one.token_ids) for one in written)
        return [_round(merge_outputs([one])) for one in written]

    def _make_inputs(self, images: Sequence[Sequence[Image.Image]]) -> dict[str, Tensor]:
        """Return what the model takes: ids and mask (B, T), padded on the left, and the images."""
        texts = [self._show(len(shown)) for shown in images]
        made = self._processor(
            text=texts,
            images=[list(shown) for shown in images],
            padding=len(texts) > 1,
            padding_side="left",
            return_tensors="pt",
            add_special_tokens=False,  # the template has them
        )
        model = self._model.model
        return {
            name: value.to(model.device, model.dtype if value.is_floating_point() else None)
            for name, value in made.items()
        }

    def _show(self, num_images: int) -> str:
        content = [{"type": "image"} for _ in range(num_images)]
        asked = [*content, {"type": "text", "text": self._book.write_question()}]
        text: str = self._processor.apply_chat_template(
            [{"role": "user", "content": asked}], add_generation_prompt=True, tokenize=False
        )
        return text + ANSWER

    @cached_property
    def _grammar(self) -> Grammar:
        return Grammar(self._model.language, self._model.vocab_size, self._book.names)


def _round(codes: Codes) -> Codes:
    """Return codes whose confidences do not change with the studies beside them on a GPU."""
    return Codes(
        tuple((name, round(confidence, DIGITS)) for name, confidence in codes.findings),
        tuple((triplet, round(confidence, DIGITS)) for triplet, confidence in codes.triplets),
    )


def _draw(location: str) -> Image.Image:
    """Return a radiograph as published processors take one: RGB of 8 bits."""
    grey = np.rint(read_radiograph(location) * 255).astype(np.uint8)
    return Image.fromarray(grey).convert("RGB")
