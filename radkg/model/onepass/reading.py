"""Reading with the one-pass extractor: sentences in, entities and relations with confidences out.

What comes out is valid whatever the weights are: spans begin and end with a word, do not overlap,
and a relation joins two of them. Sentences of one length are
read together, each once; what stands beside a sentence changes no bit of its reading.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from radkg.model.onepass.batches import list_pairs
from radkg.model.onepass.network import OnePass
from radkg.model.onepass.words import Ints, WordTable
from radkg.schema.linearize import Reading
from radkg.schema.records import LABELS, RELATIONS
from radkg.schema.sentences import find_words
from radkg.schema.synonyms import Word

_BATCH_WORDS = 8192
# A product of matrices adds up a row in the same order whatever rows it has beside it, if their
# number is a multiple of _ROWS and no less than _LEAST: the kernels treat what is left over, and
# small matrices, differently (tested).
_ROWS, _LEAST = 8, 16
_MAX_WORDS = 50_000  # distinct words kept; then the table starts anew


class OnePassReader:
    """Reads sentences with a trained network; make a new one when the weights change.

    Args:
        model: the network; set to evaluation.
    """

    def __init__(self, model: OnePass) -> None:
        self.model = model.eval()
        self._table = WordTable(model.config.buckets)
        self._vectors = model.table.weight.new_zeros((0, model.config.width))  # of its words
        self._is_word = self._table.is_word()

    def read(self, found: Sequence[str]) -> list[Reading]:
        """Return what each sentence states, in order."""
        places = [find_words(sentence) for sentence in found]
        if len(self._table) > _MAX_WORDS:
            self._table = WordTable(self.model.config.buckets)
            self._vectors = self._vectors[:0]
        numbers = [self._table.number_words(place) for place in places]
        self._embed_new_words()
        by_length: dict[int, list[int]] = {}
        for i, sentence in enumerate(numbers):
            by_length.setdefault(len(sentence), []).append(i)
        answers = [Reading()] * len(found)
        for length in sorted(by_length.keys() - {0}):
            members, size = by_length[length], max(1, _BATCH_WORDS // length)
            for k in range(0, len(members), size):
                batch = members[k : k + size]
                read = self._read_batch(
                    np.array([numbers[i] for i in batch]), [places[i] for i in batch]
                )
                for i, reading in zip(batch, read, strict=True):
                    answers[i] = reading
        return answers

    @torch.inference_mode()
    def _read_batch(self, numbers: Ints, places: Sequence[list[Word]]) -> list[Reading]:
        """Return the readings of sentences of one length."""
        device = self._vectors.device
        filled = torch.from_numpy(_filled(numbers, numbers.shape[1])).to(device)
        tagged = self.model.tag(self._vectors[filled])
        chances, tags = tagged.tags[: len(numbers)].softmax(-1).max(-1)
        spans, labels, sure = _spans(_numpy(tags), _numpy(chances), self._is_word[numbers])
        pairs = list_pairs(spans[:, 0])
        logits = self.model.relate(
            tagged.states,
            torch.from_numpy(_filled(spans)).to(device),
            torch.from_numpy(_filled(pairs)).to(device),
        )[: len(pairs)]
        related, relations = logits.softmax(-1).max(-1)
        kept = _numpy(relations) > 0
        pairs, link_sure = pairs[kept], _numpy(related)[kept]
        link_sure = link_sure * sure[pairs[:, 0]] * sure[pairs[:, 1]]
        order = np.lexsort((pairs[:, 1], pairs[:, 0]))
        return _readings(
            places,
            spans,
            labels,
            sure,
            np.column_stack([pairs, _numpy(relations)[kept]])[order],
            link_sure[order],
        )

    def _embed_new_words(self) -> None:
        """Compute the vectors of words that came since, once."""
        known = len(self._vectors)
        if len(self._table) == known:
            return
        device = self._vectors.device
        with torch.inference_mode():
            features = self._table.encode_features(range(known, len(self._table)))
            new = self.model.embed(*(tensor.to(device) for tensor in features))
            self._vectors = torch.cat([self._vectors, new])
        self._is_word = self._table.is_word()


def _spans(tags: Ints, chances: np.ndarray, is_word: np.ndarray) -> tuple[Ints, Ints, np.ndarray]:
    """Return spans (M, 3) as OnePass.relate takes them, their labels and confidences (M,).

    Args:
        tags: (N, T), the likeliest tag of each word.
        chances: (N, T), its probability.
        is_word: (N, T), False for punctuation.
    """
    num_words = tags.shape[1]
    inside = tags > 0
    before = np.zeros_like(inside)
    before[:, 1:] = inside[:, :-1]
    begins = inside & ((tags % 2 == 1) | ~before)
    row, first = np.nonzero(begins)
    # a span ends before the next one begins, or where nothing is inside
    ends = np.ones_like(inside)
    ends[:, :-1] = begins[:, 1:] | ~inside[:, 1:]
    _, last = np.nonzero(inside & ends)
    # without the punctuation at its end
    last_word = np.maximum.accumulate(np.where(is_word, np.arange(num_words), -1), axis=1)
    last = last_word[row, last]
    kept = is_word[row, first]
    row, first, last = row[kept], first[kept], last[kept]
    logs = np.zeros((len(tags), num_words + 1))
    np.cumsum(np.log(chances), axis=1, out=logs[:, 1:])
    sure = np.exp(logs[row, last + 1] - logs[row, first])
    labels = (tags[row, first] - 1) // 2
    spans = np.column_stack([row, first, last])
    return spans, labels, np.minimum(sure, 1.0)


def _readings(
    places: Sequence[list[Word]],
    spans: Ints,
    labels: Ints,
    sure: np.ndarray,
    links: Ints,
    link_sure: np.ndarray,
) -> list[Reading]:
    """Return a reading per sentence; spans and links stand in the order of the sentences."""
    numbers = np.arange(len(places) + 1)
    span_from = np.searchsorted(spans[:, 0], numbers).tolist()
    link_from = np.searchsorted(spans[links[:, 0], 0], numbers).tolist()
    firsts, lasts = spans[:, 1].tolist(), spans[:, 2].tolist()
    names = [LABELS[i] for i in labels.tolist()]
    sures, link_sures = sure.tolist(), link_sure.tolist()
    joined = links.tolist()
    readings = []
    for i, place in enumerate(places):
        a, b = span_from[i], span_from[i + 1]
        c, d = link_from[i], link_from[i + 1]
        readings.append(
            Reading(
                tuple([(place[firsts[k]][1], place[lasts[k]][2], names[k]) for k in range(a, b)]),
                tuple([(h - a, t - a, RELATIONS[r - 1]) for h, t, r in joined[c:d]]),
                tuple(sures[a:b]),
                tuple(link_sures[c:d]),
            )
        )
    return readings


def _filled(rows: Ints, products: int = 1) -> Ints:
    """Return the rows (N, ...) with zeros behind them: as many as _ROWS and _LEAST want.

    Args:
        rows: what the network computes at the same time.
        products: rows that a product of matrices has of each: a sentence has its words.
    """
    least = -(-_LEAST // products)
    return np.pad(rows, ((0, max(-len(rows) % _ROWS, least - len(rows))), (0, 0)))


def _numpy(tensor: Tensor) -> np.ndarray:
    found: np.ndarray = tensor.cpu().numpy()
    return found
