"""What stands around the images, and reports as tokens: any tokenizer, or one of our own.

    [bos] before  IMAGE PREFIX  after  report eos

A report keeps its case and its punctuation: the extractors that read a draft back need both.

B rows, T tokens.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence

import torch
from tokenizers import Tokenizer
from torch import Tensor

from radkg.config import Config
from radkg.errors import ConfigError, ExtractorError
from radkg.model.language import train_byte_tokenizer

IGNORED = -100  # label of a token that the loss leaves out
_UNBROKEN = re.compile(r"\S+")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wording(Config):
    """The fixed text around the images; R2GenKG's, where nothing else is said."""

    bos: str = "<s>"
    """token that begins every text; "" for none"""
    before: str = "Human: <Img>"
    after: str = (
        "</Img> Generate a comprehensive and detailed diagnosis report for this chest xray image. "
        "\nAssistant:"
    )
    eos: str = "</s>"
    """token that ends a report, and pads"""
    max_length: int = 100
    """tokens of a report with its end; what is longer is cut and has no end"""

    def __post_init__(self) -> None:
        if self.max_length < 2:
            raise ConfigError(f"max_length is {self.max_length}: give 2 or more")


PUBLISHED_WORDING = Wording()
SMALL_WORDING = Wording(bos="", before="", after="<|write|>", eos="<|end|>", max_length=160)
"""of the tokenizer that is trained on reports"""


class ReportLanguage:
    """A tokenizer with the fixed text around the images.

    Raises:
        ExtractorError: the tokenizer lacks the token that begins or ends a text.
    """

    def __init__(self, tokenizer: Tokenizer, wording: Wording) -> None:
        self.tokenizer = tokenizer
        self.wording = wording
        self.eos_id = self._find(wording.eos)
        self.pad_id = self.eos_id
        bos = [self._find(wording.bos)] if wording.bos else []
        tokenizer.encode_special_tokens = False
        self.before: list[int] = [*bos, *self.encode_text(wording.before)]
        self.after: list[int] = self.encode_text(wording.after)
        tokenizer.encode_special_tokens = True  # from here on "</s>" is four signs of a text

    def encode_text(self, text: str) -> list[int]:
        """Return the tokens of any text, without those that begin or end it."""
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids if text else []
        return ids

    def encode_report(self, text: str) -> list[int]:
        """Return the tokens of a report with the one that ends it, at most `max_length`."""
        return [*self.encode_text(text), self.eos_id][: self.wording.max_length]

    def decode_report(self, ids: Sequence[int]) -> str:
        """Return the text of a report's tokens up to the one that ends it."""
        kept = list(ids)
        kept = kept[: kept.index(self.eos_id)] if self.eos_id in kept else kept
        text: str = self.tokenizer.decode(kept, skip_special_tokens=True)
        return " ".join(_UNBROKEN.findall(text))

    def _find(self, token: str) -> int:
        found: int | None = self.tokenizer.token_to_id(token)
        if found is None:
            raise ExtractorError(f"the tokenizer has no token {token!r}: it is not of this model")
        return found


def train_report_tokenizer(
    texts: Iterable[str], vocab_size: int, wording: Wording = SMALL_WORDING
) -> Tokenizer:
    """Return a byte-level BPE tokenizer of at most `vocab_size` tokens; equal for equal texts."""
    special = [one for one in (wording.eos, wording.bos, wording.before, wording.after) if one]
    return train_byte_tokenizer(texts, vocab_size, special)


def collate_reports(rows: Sequence[Sequence[int]], pad_id: int) -> dict[str, Tensor]:
    """Return `input_ids`, `attention_mask` and `labels` (B, T) of reports, padded on the right."""
    length = max(len(row) for row in rows)
    ids = torch.full((len(rows), length), pad_id)
    mask = torch.zeros((len(rows), length), dtype=torch.int64)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
        mask[i, : len(row)] = 1
    return {"input_ids": ids, "attention_mask": mask, "labels": ids.masked_fill(mask == 0, IGNORED)}
