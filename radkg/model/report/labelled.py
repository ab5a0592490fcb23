"""An encoder with a head: tokens for the report, and which labels the image has.

Teacher and student of MedKit are both one, and so is a classifier of volumes.

N images or volumes, T tokens, C channels, L labels.
"""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from radkg.model.vision.tokens import TokenEncoder
from radkg.model.vision.tower import FEATURE_DIM

_DROPOUT = 0.3
_HEAD_GAIN = 10.0  # the head starts from nothing: under Adam, this is a tenfold learning rate


class Seen(NamedTuple):
    """What an encoder saw."""

    tokens: Tensor  # (N, T, C)
    logits: Tensor  # (N, L)


class LabelledEncoder(nn.Module):
    """A token encoder with a linear head over the mean token.

    Args:
        encoder: images or volumes to tokens.
        num_labels: L.
    """

    def __init__(self, encoder: TokenEncoder, num_labels: int) -> None:
        super().__init__()
        self.encoder = cast("nn.Module", encoder)
        self.head = nn.Linear(FEATURE_DIM, num_labels)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    @property
    def tokens(self) -> TokenEncoder:
        """The encoder, as what it is."""
        return cast("TokenEncoder", self.encoder)

    def set_prevalence(self, prevalence: Tensor) -> None:
        """Let the head start at the share of images that have each label, (L,) in (0, 1)."""
        with torch.no_grad():
            self.head.bias.copy_(torch.logit(prevalence, eps=1e-4))

    def forward(self, images: Tensor) -> Seen:
        """Return what is seen of images (N, 1, S, S) or volumes (N, 1, D, S, S) in [0, 1]."""
        tokens = self.tokens.compute_tokens(images)
        return Seen(tokens, self.compute_logits(tokens))

    def compute_logits(self, tokens: Tensor) -> Tensor:
        """Return logits (N, L) of tokens (N, T, C)."""
        pooled = functional.layer_norm(tokens.mean(1), (tokens.shape[-1],))
        pooled = functional.dropout(pooled, _DROPOUT, self.training)
        return functional.linear(pooled, self.head.weight * _HEAD_GAIN, self.head.bias)
