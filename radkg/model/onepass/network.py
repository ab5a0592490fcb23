"""The one-pass extractor's network: words in, entities and relations out, in one forward.

Three LSTM layers: the first two end in tags (where an entity stands, and its label). The third
reads these guesses and ends in what belongs together (pairs of spans). Sentences of one length are
read together: no padding is ever read, so a sentence's answer does not depend on its neighbours.

N sentences, T words, W distinct words, M spans of all sentences, P pairs of spans.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from radkg.config import Config
from radkg.model.calibration import UNCALIBRATED, Calibration
from radkg.schema.records import LABELS, RELATIONS

IGNORED = -100
NUM_TAGS = 1 + 2 * len(LABELS)  # outside; begin and inside of each label
MAX_SPANS_APART = 16  # pairs of spans farther apart are not looked at: hostile text stays linear
_MAX_WORDS_APART = 20


@dataclasses.dataclass(frozen=True, kw_only=True)
class OnePassConfig(Config):
    """The sizes of a one-pass extractor."""

    kind: str = "onepass"
    buckets: int = 6144
    """rows of the table that words and runs of characters are hashed into"""
    width: int = 96
    """of a word's vector, and of each direction of an LSTM layer"""
    pair_width: int = 80
    """of the layer that judges pairs"""
    dropout: float = 0.35
    """share of what a layer gives that is left out in training, in [0, 1)"""
    calibration: Calibration = UNCALIBRATED
    """of the confidences, fitted after the training"""

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Build from a mapping; the calibration may be one, as JSON has it."""
        calibration = values.get("calibration", {})
        if not isinstance(calibration, Calibration):
            calibration = Calibration.from_mapping(calibration)
        return super().from_mapping({**values, "calibration": calibration})


class TaggedWords(NamedTuple):
    """What the network says of words: logits, and the states that pairs are judged by."""

    tags: Tensor  # (N, T, NUM_TAGS)
    states: Tensor  # (N, T, 2 * width)


class OnePass(nn.Module):
    """A Trainable (`forward` returns the loss); OnePassReader reads sentences with it."""

    def __init__(self, config: OnePassConfig) -> None:
        super().__init__()
        self.config = config
        width, pair = config.width, config.pair_width
        self.dropout = nn.Dropout(config.dropout)
        self.table = nn.EmbeddingBag(config.buckets, width, mode="sum")
        nn.init.normal_(self.table.weight, std=0.5)
        self.phrases = nn.LSTM(width, width, batch_first=True, bidirectional=True)
        self.scope = nn.LSTM(2 * width, width, batch_first=True, bidirectional=True)
        self.tags = nn.Linear(2 * width, NUM_TAGS)
        self.of_tag = nn.Linear(NUM_TAGS, 16, bias=False)
        self.grammar = nn.LSTM(2 * width + 16, width, batch_first=True, bidirectional=True)
        self.between = nn.Linear(2 * width, 32)
        # of a span: as head and as tail, once to be added and once to be multiplied
        self.ends = nn.Linear(4 * width, 4 * pair)
        self.of_between = nn.Linear(32, pair, bias=False)
        self.words_apart = nn.Embedding(2 * _MAX_WORDS_APART + 1, pair)
        self.spans_apart = nn.Embedding(2 * MAX_SPANS_APART + 1, pair)
        self.relations = nn.Linear(2 * pair, 1 + len(RELATIONS))  # none first

    def embed(self, rows: Tensor, weights: Tensor, offsets: Tensor) -> Tensor:
        """Return the vectors (W, width) of words, given as a WordTable gives their features."""
        vectors: Tensor = self.table(rows, offsets, per_sample_weights=weights)
        return vectors

    def tag(self, vectors: Tensor) -> TaggedWords:
        """Return what sentences of one length hold; `vectors` (N, T, width) are their words'."""
        phrases, _ = self.phrases(self.dropout(vectors))
        scope, _ = self.scope(self.dropout(phrases))
        scope = self.dropout(scope)
        tags = self.tags(scope)
        states, _ = self.grammar(torch.cat([scope, self.of_tag(tags.softmax(-1))], -1))
        return TaggedWords(tags, self.dropout(states))

    def relate(self, states: Tensor, spans: Tensor, pairs: Tensor) -> Tensor:
        """Return the logits (P, 1 + relations) of what the first of two spans is to the second.

        Args:
            states: (N, T, 2 * width), as `tag` gives them.
            spans: (M, 3): sentence, first word, last word.
            pairs: (P, 2), indices of spans of one sentence, in order of the text.
        """
        row, first, last = spans.unbind(1)
        ends = self.ends(torch.cat([states[row, first], states[row, last]], -1))
        as_head, as_tail, head, tail = ends.chunk(4, -1)
        i, j = pairs.unbind(1)
        # what stands between two spans, as a sum: the difference of two sums from the start
        summed = F.pad(self.between(states).sigmoid().cumsum(1), (0, 0, 1, 0))
        a, b = torch.minimum(i, j), torch.maximum(i, j)
        between = summed[row[b], torch.maximum(first[b], last[a] + 1)] - summed[row[a], last[a] + 1]
        words = (first[j] - first[i]).clamp(-_MAX_WORDS_APART, _MAX_WORDS_APART)
        hidden = (
            as_head[i]
            + as_tail[j]
            + self.of_between(between)
            + self.words_apart(words + _MAX_WORDS_APART)
            + self.spans_apart(j - i + MAX_SPANS_APART)
        ).relu()
        logits: Tensor = self.relations(torch.cat([hidden, head[i] * tail[j]], -1))
        return logits

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the loss of a batch of batches.collate."""
        vectors = self.embed(batch["rows"], batch["weights"], batch["offsets"])
        words = batch["words"]
        read, begin = [], 0
        for length, same in itertools.groupby(batch["lengths"].tolist()):
            end = begin + len(list(same))
            read.append(self.tag(F.embedding(words[begin:end, :length], vectors)))
            begin = end
        tagged = TaggedWords(*(_stacked(same, words.shape[1]) for same in zip(*read, strict=True)))
        relations = self.relate(tagged.states, batch["spans"], batch["pairs"])
        return _cross_entropy(tagged.tags, batch["labels"]) + _cross_entropy(
            relations, batch["relations"]
        )


def _stacked(tensors: Sequence[Tensor], longest: int) -> Tensor:
    """Return tensors (n, t, ...) as one (N, longest, ...), zeros behind the end of a sentence."""
    return torch.cat(
        [F.pad(t, (*(0, 0) * (t.dim() - 2), 0, longest - t.shape[1])) for t in tensors]
    )


def _cross_entropy(logits: Tensor, gold: Tensor) -> Tensor:
    """Return the mean over what is not ignored; 0 where all is."""
    total = F.cross_entropy(
        logits.flatten(0, -2), gold.flatten(), ignore_index=IGNORED, reduction="sum"
    )
    return total / (gold != IGNORED).sum().clamp(min=1)
