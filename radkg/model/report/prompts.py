"""What is known of the labels that a model sees, as tokens behind the image.

A label that the model calls present adds its sentence ("effusion: often small, in the pleura"); the
surest come first. A study without any has a sentence of its own.

B rows, L labels, Q tokens of the longest prompt.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from radkg.errors import ConfigError
from radkg.model.report.wording import ReportLanguage

NOTHING = "no finding"
"""the prompt of a study in which no label is called present"""


class LabelPrompts:
    """The sentences of the labels as tokens.

    Args:
        sentences: one for each label, in the order of the logits.
        language: the language model's tokens.
        threshold: confidence in [0, 1] from which a label is called present.
        most: sentences of one prompt.

    Raises:
        ConfigError: a sentence is blank.
    """

    def __init__(
        self, sentences: Sequence[str], language: ReportLanguage, threshold: float, most: int
    ) -> None:
        blank = [i for i, sentence in enumerate(sentences) if not sentence.strip()]
        if blank:
            raise ConfigError(f"label {blank[0]} has no sentence: make its templates again")
        self.threshold = threshold
        self._most = most
        self._tokens = [language.encode_text(f" {sentence}.") for sentence in sentences]
        self._nothing = language.encode_text(f" {NOTHING}.")
        self._pad_id = language.pad_id

    def select(self, logits: Tensor) -> list[list[int]]:
        """Return the labels of each row (B, L) that are called present, the surest first."""
        confidences = torch.sigmoid(logits.detach().float()).cpu()
        order = confidences.argsort(dim=1, descending=True, stable=True)[:, : self._most]
        return [
            [i for i in row if shares[i] >= self.threshold]
            for row, shares in zip(order.tolist(), confidences.tolist(), strict=True)
        ]

    def encode(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Return tokens (B, Q), and which of them are there (B, Q), on the device of the logits."""
        rows = [
            [token for label in labels for token in self._tokens[label]] or self._nothing
            for labels in self.select(logits)
        ]
        length = max(len(row) for row in rows)
        ids = torch.full((len(rows), length), self._pad_id)
        seen = torch.zeros((len(rows), length), dtype=torch.bool)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = torch.tensor(row)
            seen[i, : len(row)] = True
        return ids.to(logits.device), seen.to(logits.device)
