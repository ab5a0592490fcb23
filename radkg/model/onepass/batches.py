"""Labelled sentences to batches of the one-pass extractor; `order_batches` chooses the rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from radkg.model.onepass.network import IGNORED, MAX_SPANS_APART
from radkg.model.onepass.words import Ints, WordTable
from radkg.schema.linearize import Link, Span
from radkg.schema.records import LABELS, RELATIONS
from radkg.schema.sentences import find_words

Batch = dict[str, Tensor]


class Labelled(Protocol):
    """A sentence with what it states, such as radkg.train.labelled.LabelledSentence."""

    @property
    def sentence(self) -> str: ...  # noqa: D102
    @property
    def spans(self) -> Sequence[Span]: ...  # noqa: D102
    @property
    def links(self) -> Sequence[Link]: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class NumberedSentence:
    """A labelled sentence as numbers; T words, M spans, L links."""

    words: Ints  # (T,)
    tags: Ints  # (T,)
    spans: Ints  # (M, 2): first word, last word
    links: Ints  # (L, 3): head, tail, relation


def encode(found: Iterable[Labelled], table: WordTable) -> list[NumberedSentence]:
    """Return the sentences as numbers; those without a word are left out.

    Raises:
        ValueError: spans are no runs of words, or overlap.
    """
    rows = []
    for labelled in found:
        place = find_words(labelled.sentence)
        if not place:
            continue
        starts = {start: i for i, (_, start, _) in enumerate(place)}
        ends = {end: i for i, (_, _, end) in enumerate(place)}
        tags = np.zeros(len(place), dtype=np.int64)
        spans: list[tuple[int, int]] = []
        for start, end, label in labelled.spans:
            if start not in starts or end not in ends:
                raise ValueError(f"{labelled.sentence[start:end]!r} is no run of words")
            first, last = starts[start], ends[end]
            if tags[first : last + 1].any():
                raise ValueError(f"spans overlap in {labelled.sentence!r}")
            number = LABELS.index(label)
            tags[first] = 1 + 2 * number
            tags[first + 1 : last + 1] = 2 + 2 * number
            spans.append((first, last))
        links = [(h, t, 1 + RELATIONS.index(r)) for h, t, r in labelled.links]
        rows.append(
            NumberedSentence(
                np.array(table.number_words(place)),
                tags,
                np.array(spans, dtype=np.int64).reshape(-1, 2),
                np.array(links, dtype=np.int64).reshape(-1, 3),
            )
        )
    return rows


def list_pairs(sentence_of_span: Ints) -> Ints:
    """Return (P, 2): all ordered pairs of spans of one sentence that are near enough."""
    found = []
    for apart in range(1, MAX_SPANS_APART + 1):
        (i,) = np.nonzero(sentence_of_span[apart:] == sentence_of_span[:-apart])
        if not len(i):
            break  # sentences stand together: none has spans farther apart
        found += [np.stack([i, i + apart], 1), np.stack([i + apart, i], 1)]
    return np.concatenate([*found, np.zeros((0, 2), dtype=np.int64)])


def collate(
    rows: Sequence[NumberedSentence], table: WordTable, hidden: float = 0.0, seed: int = 0
) -> Batch:
    """Return one batch: the rows sorted by length, with padding that is never read.

    Args:
        rows: the sentences.
        table: has numbered their words.
        hidden: share of the distinct words that are shown by their runs of characters alone, so
            that the network learns to read words that it has not met.
        seed: decides which.
    """
    rows = sorted(rows, key=lambda row: len(row.words))
    lengths = [len(row.words) for row in rows]
    distinct, inverse = np.unique(np.concatenate([r.words for r in rows]), return_inverse=True)
    features, weights, offsets = table.encode_features(distinct.tolist())
    is_hidden = np.random.default_rng(seed).random(len(distinct)) < hidden
    weights[offsets[torch.from_numpy(is_hidden)]] = 0.0  # the first feature is the word itself
    mask = np.arange(lengths[-1]) < np.array(lengths)[:, None]
    words_here = np.zeros(mask.shape, dtype=np.int64)
    words_here[mask] = inverse
    counts = [len(row.spans) for row in rows]
    sentence = np.repeat(np.arange(len(rows)), counts)
    before = np.cumsum([0, *counts])
    spans = np.concatenate([row.spans for row in rows])
    shifts = [np.array([first, first, 0]) for first in before[:-1]]
    links = np.concatenate([row.links + by for row, by in zip(rows, shifts, strict=True)])
    pairs = list_pairs(sentence)
    return {
        "words": torch.from_numpy(words_here),
        "lengths": torch.tensor(lengths),
        "attention_mask": torch.from_numpy(mask.astype(np.int64)),
        "labels": _padded([row.tags for row in rows], mask),
        "rows": features,
        "weights": weights,
        "offsets": offsets,
        "spans": torch.from_numpy(np.column_stack([sentence, spans])),
        "pairs": torch.from_numpy(pairs),
        "relations": torch.from_numpy(_relations(pairs, links, len(spans))),
    }


def _padded(values: Sequence[Ints], mask: npt.NDArray[np.bool_]) -> Tensor:
    padded = np.full(mask.shape, IGNORED)
    padded[mask] = np.concatenate(values)
    return torch.from_numpy(padded)


def _relations(pairs: Ints, links: Ints, num_spans: int) -> Ints:
    """Return the relation of each pair, 0 for none."""
    relation = dict(zip((links[:, 0] * num_spans + links[:, 1]).tolist(), links[:, 2], strict=True))
    keys = (pairs[:, 0] * num_spans + pairs[:, 1]).tolist()
    return np.array([relation.get(key, 0) for key in keys], dtype=np.int64)
