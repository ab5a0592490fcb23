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
from radkg.schema.sentences import words

Batch = dict[str, Tensor]


class Labelled(Protocol):
    """A sentence with what it states, such as radkg.train.silver.SilverSentence."""

    @property
    def sentence(self) -> str: ...  # noqa: D102
    @property
    def spans(self) -> Sequence[Span]: ...  # noqa: D102
    @property
    def links(self) -> Sequence[Link]: ...  # noqa: D102
    @property
    def parts(self) -> Sequence[tuple[int, int, str]]: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Row:
    """A labelled sentence as numbers; T words, M spans, L links."""

    words: Ints  # (T,)
    tags: Ints  # (T,)
    parts: Ints  # (T,)
    second: Ints  # (T,): 0 or 1 where a span begins
    spans: Ints  # (M, 3): first word, last word, 1 for the second mention of a span
    links: Ints  # (L, 3): head, tail, relation


def encode(found: Iterable[Labelled], table: WordTable, kinds: Sequence[str]) -> list[Row]:
    """Return the sentences as numbers; those without a word are left out.

    Args:
        found: labelled sentences; one without parts teaches none.
        table: numbers the words.
        kinds: the kinds of parts that the network knows (`list_part_kinds`).

    Raises:
        ValueError: spans are no runs of words, or overlap other than as two mentions of one run.
    """
    number = {kind: i for i, kind in enumerate(kinds)}
    rows = []
    for labelled in found:
        place = words(labelled.sentence)
        if not place:
            continue
        starts = {start: i for i, (_, start, _) in enumerate(place)}
        ends = {end: i for i, (_, _, end) in enumerate(place)}
        tags = np.zeros(len(place), dtype=np.int64)
        second = np.full(len(place), IGNORED)
        spans: list[tuple[int, int, int]] = []
        for start, end, label in labelled.spans:
            if start not in starts or end not in ends:
                raise ValueError(f"{labelled.sentence[start:end]!r} is no run of words")
            first, last = starts[start], ends[end]
            is_second = bool(spans) and spans[-1] == (first, last, 0)
            if is_second:
                second[first] = 1
            elif tags[first : last + 1].any():
                raise ValueError(f"spans overlap in {labelled.sentence!r}")
            else:
                _mark(tags, first, last, LABELS.index(label))
                second[first] = 0
            spans.append((first, last, int(is_second)))
        parts = np.full(len(place), 0 if labelled.parts else IGNORED)
        for (start, end), kind in _joined(labelled.parts).items():
            _mark(parts, starts[start], ends[end], number[kind])
        rows.append(
            Row(
                np.array(table.numbers(place)),
                tags,
                parts,
                second,
                np.array(spans, dtype=np.int64).reshape(-1, 3),
                np.array(
                    [(h, t, 1 + RELATIONS.index(r)) for h, t, r in labelled.links], dtype=np.int64
                ).reshape(-1, 3),
            )
        )
    return rows


def list_part_kinds(found: Iterable[Labelled]) -> tuple[str, ...]:
    """Return the kinds of parts in the sentences, sorted; "a+b" where one phrase is two."""
    return tuple(sorted({kind for one in found for kind in _joined(one.parts).values()}))


def list_pairs(sentence_of_span: Ints) -> Ints:
    """Return (P, 2): all ordered pairs of spans of one sentence that are near enough."""
    found = []
    for apart in range(1, MAX_SPANS_APART + 1):
        (i,) = np.nonzero(sentence_of_span[apart:] == sentence_of_span[:-apart])
        if not len(i):
            break  # sentences stand together: none has spans farther apart
        found += [np.stack([i, i + apart], 1), np.stack([i + apart, i], 1)]
    return np.concatenate([*found, np.zeros((0, 2), dtype=np.int64)])


def collate(rows: Sequence[Row], table: WordTable) -> Batch:
    """Return one batch: the rows sorted by length, with padding that is never read."""
    rows = sorted(rows, key=lambda row: len(row.words))
    lengths = [len(row.words) for row in rows]
    distinct, inverse = np.unique(np.concatenate([r.words for r in rows]), return_inverse=True)
    features, weights, offsets = table.features(distinct.tolist())
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
        "parts": _padded([row.parts for row in rows], mask),
        "second": _padded([row.second for row in rows], mask),
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


def _mark(tags: Ints, first: int, last: int, number: int) -> None:
    """Write begin and inside of class `number` over a run of words."""
    tags[first] = 1 + 2 * number
    tags[first + 1 : last + 1] = 2 + 2 * number


def _joined(parts: Iterable[tuple[int, int, str]]) -> dict[tuple[int, int], str]:
    """Return the kind of each phrase; of two kinds both."""
    found: dict[tuple[int, int], str] = {}
    for start, end, kind in parts:
        found[start, end] = f"{found[start, end]}+{kind}" if (start, end) in found else kind
    return found


def _relations(pairs: Ints, links: Ints, num_spans: int) -> Ints:
    """Return the relation of each pair, 0 for none."""
    relation = dict(zip((links[:, 0] * num_spans + links[:, 1]).tolist(), links[:, 2], strict=True))
    keys = (pairs[:, 0] * num_spans + pairs[:, 1]).tolist()
    return np.array([relation.get(key, 0) for key in keys], dtype=np.int64)
