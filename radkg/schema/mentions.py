"""Mentions and relations of many studies as columns of numbers, for what is computed of them.

No mention becomes an object of Python: a row at a time takes ten times as long. A mention is named
by its place among all mentions of the studies, a study by its row.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from radkg.schema.records import Label
from radkg.schema.sides import read_side

STATES: dict[Label, str] = {"OBS-DA": "absent", "OBS-U": "uncertain", "OBS-DP": "present"}
STRENGTH: tuple[Label, ...] = tuple(STATES)  # rising
ANATOMY = -1  # in place of a strength
NO_NAME = -1  # in place of a place in names

Array = npt.NDArray[Any]

_NO_SECTION = "none"


class Pairs:
    """Relations: places of head and tail among all mentions."""

    def __init__(self, head: Array, tail: Array) -> None:
        self.head = head
        self.tail = tail

    def take(self, which: Array) -> Pairs:
        """Return those at these places, or those where a mask is True."""
        return Pairs(self.head[which], self.tail[which])

    def reverse(self) -> Pairs:
        """Return the pairs with head and tail exchanged."""
        return Pairs(self.tail, self.head)

    def follow(self, before: Pairs) -> Pairs:
        """Return the heads of `before` with those of these that lead where it ends."""
        order = np.argsort(self.tail, kind="stable")
        tails = self.tail[order]
        start, stop = (np.searchsorted(tails, before.tail, side) for side in ("left", "right"))
        number = stop - start
        within = np.arange(number.sum()) - np.repeat(np.cumsum(number) - number, number)
        return Pairs(
            np.repeat(before.head, number), self.head[order][np.repeat(start, number) + within]
        )


class Mentions:
    """Columns of all mentions of some studies.

    Args:
        rows: of the extraction table; entities and relations are enough.
    """

    def __init__(self, rows: pa.RecordBatch) -> None:
        entities = rows["entities"]
        self._flat = pc.list_flatten(entities)
        lengths = pc.list_value_length(entities).to_numpy()
        self._first = np.cumsum(lengths) - lengths
        self._relations = rows["relations"]
        self.study: Array = pc.list_parent_indices(entities).to_numpy()
        """the row of each"""
        found = pc.index_in(self._field("label"), pa.array(STRENGTH)).fill_null(ANATOMY)
        self.strength: Array = found.to_numpy().astype(np.int64)
        """of its label: a place in STRENGTH, or ANATOMY"""
        concept, side = self._field("concept"), _find_sides(self._field("text"))
        numbers, self.names = number_texts(pa.concat_arrays([concept, side]))
        self.concept: Array = numbers[: len(concept)]
        """places in `names`, which are sorted"""
        self.side: Array = numbers[len(concept) :]
        """of the side that its text implies (sides.py): a place in `names`, or NO_NAME"""

    @cached_property
    def section(self) -> tuple[Array, pa.Array]:
        """The sections as places in names, which are sorted; "none": outside of any."""
        return number_texts(self._field("section").fill_null(_NO_SECTION))

    @cached_property
    def source(self) -> Array:
        """The sources: report or image."""
        source: Array = self._field("source").to_numpy(zero_copy_only=False)
        return source

    @cached_property
    def confidence(self) -> Array:
        """The probabilities, in [0, 1]."""
        confidence: Array = self._field("confidence").to_numpy()
        return confidence

    def find_ordinals(self, which: Array) -> Array:
        """Return the indices of these mentions into the entities of their studies."""
        ordinals: Array = which - self._first[self.study[which]]
        return ordinals

    @cached_property
    def _linked(self) -> Pairs:
        flat = pc.list_flatten(self._relations)
        first = self._first[pc.list_parent_indices(self._relations).to_numpy()]
        return Pairs(*(first + pc.struct_field(flat, end).to_numpy() for end in ("head", "tail")))

    def select_relations(self, relation: str) -> Pairs:
        """Return the relations of one type."""
        kind = pc.struct_field(pc.list_flatten(self._relations), "relation")
        return self._linked.take(pc.equal(kind, relation).to_numpy(zero_copy_only=False))

    @cached_property
    def modify(self) -> Pairs:
        """What modifies a mention, head, and the mention, tail.

        The head has the label of the tail, or is anatomy: "effusion, not large" is not large. What
        the name of the tail says already is left out: "lower" of a "lower lobe".
        """
        pairs = self.select_relations("modify")
        head, tail = self.strength[pairs.head], self.strength[pairs.tail]
        pairs = pairs.take((head == tail) | (head == ANATOMY))
        return pairs.take(~self._is_in_name(pairs))

    def _is_in_name(self, pairs: Pairs) -> Array:
        """Tell of each pair whether all words of the head's name stand in the tail's name."""
        keys = (self.concept[pairs.head] << 32) + self.concept[pairs.tail]
        distinct, place = np.unique(keys, return_inverse=True)
        ends = (distinct >> 32, distinct & 0xFFFFFFFF)
        heads, tails = (self.names.take(pa.array(codes)).to_pylist() for codes in ends)
        inside = [
            set(head.split()) <= set(tail.split()) for head, tail in zip(heads, tails, strict=True)
        ]
        return np.array(inside, dtype=bool)[place]

    def _field(self, name: str) -> pa.Array:
        return pc.struct_field(self._flat, name)


def number_texts(texts: pa.Array) -> tuple[Array, pa.Array]:
    """Return a number for each text, NO_NAME for null, and the distinct texts by number, sorted."""
    encoded = texts.dictionary_encode()
    order = pc.sort_indices(encoded.dictionary).to_numpy().astype(np.int64)
    place = np.full(len(order) + 1, NO_NAME)  # the last one stands for null
    place[order] = np.arange(len(order))
    indices = encoded.indices.fill_null(len(order)).to_numpy()
    return place[indices], encoded.dictionary.take(pa.array(order))


def _find_sides(texts: pa.Array) -> pa.Array:
    """Return the side that each mention's text implies, null where it implies none."""
    encoded = texts.dictionary_encode()
    sides = pa.array(map(read_side, encoded.dictionary.to_pylist()), pa.string())
    return sides.take(encoded.indices)
