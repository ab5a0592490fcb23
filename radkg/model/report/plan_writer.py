"""A small language model that writes a sentence for a claim: its words are the prefix.

    claim in words  after  sentence eos

B rows, P tokens of the claims, T tokens of the sentences.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Self

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from radkg.config import Config
from radkg.model.config import LanguageConfig
from radkg.model.language import make_language_model
from radkg.model.report.generator import ReportGenerator
from radkg.model.report.wording import SMALL_WORDING, ReportLanguage, collate_reports
from radkg.model.report.words import WordGrammar

_MAX_TOKENS = 60  # of a sentence
SMALL_WRITER = LanguageConfig(
    vocab_size=1536,
    hidden=128,
    layers=3,
    heads=4,
    kv_heads=4,
    intermediate=352,
    max_positions=512,
    rope_theta=1e4,
    eos=SMALL_WORDING.eos,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlanWriterConfig(Config):
    """The sizes of the language model."""

    language: LanguageConfig = SMALL_WRITER

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Build from a mapping, as JSON has it."""
        built = dict(values)
        if isinstance(built.get("language"), Mapping):
            built["language"] = LanguageConfig.from_mapping(built["language"])
        return super().from_mapping(built)


class PlanWriter(nn.Module):
    """Learns sentences from claims in words, and writes them."""

    def __init__(self, config: PlanWriterConfig, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.config = config
        self.language = ReportLanguage(tokenizer, SMALL_WORDING)
        self.generator = ReportGenerator(make_language_model(config.language), self.language)

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the mean cross-entropy over the sentences of a batch (see collate_pairs)."""
        prefix = self.generator.embed(batch["claim_ids"])
        loss: Tensor = self.generator(prefix, batch, batch["claim_mask"])
        return loss

    @torch.inference_mode()
    def write(
        self, claims: Sequence[str], words: Sequence[Collection[str]]
    ) -> list[tuple[str, float]]:
        """Return a sentence for each claim, of its list of words alone, and how unusual it is.

        The number is the mean negative log-likelihood of the sentence's tokens: a sentence into
        which the grammar forced the model has a high one.
        """
        ids, mask = collate_claims(
            [self.language.encode_text(one) for one in claims], self.language
        )
        sizes = self.config.language
        grammar = WordGrammar(
            self.language.tokenizer, sizes.vocab_size, self.language.eos_id, words
        )
        written = self.generator.generate(
            self.generator.embed(ids), _MAX_TOKENS, prefix_mask=mask, grammar=grammar
        )
        texts = [self.language.decode_report(row) for row in written]
        pairs = [
            (self.language.encode_text(claim), self.language.encode_report(text))
            for claim, text in zip(claims, texts, strict=True)
        ]
        return [
            (text, float(self(collate_pairs([pair], self.language))))
            for text, pair in zip(texts, pairs, strict=True)
        ]


def collate_claims(
    rows: Sequence[Sequence[int]], language: ReportLanguage
) -> tuple[Tensor, Tensor]:
    """Return tokens (B, P), padded on the left, and which of them are there (B, P) bool."""
    length = max(1, *(len(row) for row in rows))
    ids = torch.full((len(rows), length), language.pad_id)
    mask = torch.zeros((len(rows), length), dtype=torch.bool)
    for i, row in enumerate(rows):
        if row:
            ids[i, -len(row) :] = torch.tensor(row)
            mask[i, -len(row) :] = True
    return ids, mask


def collate_pairs(
    pairs: Sequence[tuple[Sequence[int], Sequence[int]]], language: ReportLanguage
) -> dict[str, Tensor]:
    """Return the batch of (claim, sentence) pairs, both as tokens."""
    ids, mask = collate_claims([claim for claim, _ in pairs], language)
    batch = collate_reports([sentence for _, sentence in pairs], language.pad_id)
    return {**batch, "claim_ids": ids, "claim_mask": mask}
