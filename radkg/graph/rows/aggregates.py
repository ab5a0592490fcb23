"""What the graph keeps in sum of one archive and extractor: studies a finding, and two of them.

Pure functions on tables of extractions; no database. Sums of studies add up and are taken off
again, so those of a snapshot are those of the one before, less the rows that went, plus those that
came. A million mentions take a second, as none becomes an object of Python.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from radkg.graph.rows.nested import GraphRow
from radkg.schema.findings import list_findings
from radkg.schema.mentions import STATES

CONTRADICTED = "contradicted"
COUNTED = (*STATES.values(), CONTRADICTED)
COLUMNS = ("status", "entities", "relations", "extractor")
FINDING_COLUMNS = ("concept", "label", "present", "absent")
PAIRED_SHARE = 0.05  # of the studies that were read: who is present in fewer is soon walked

COUNTS, CO_OCCURS = "COUNTS", "AGG_CO_OCCURS"
Edge = tuple[str, str, str]
"""type, and the keys of the two nodes"""

_PRESENT = "present"
_Array = npt.NDArray[Any]


class Sums(NamedTuple):
    """Numbers of studies."""

    read: int
    """with status ok: of an empty study nothing is known"""
    findings: Counter[tuple[str, str]]
    """by key of the concept and by one of COUNTED: the state of the finding in the study, as
    HAS_FINDING has it; contradicted: both stated and denied"""
    pairs: Counter[tuple[str, str]]
    """in which both findings are present, by the keys of their concepts, the lesser first"""

    def add(self, more: Sums, sign: int = 1) -> Sums:
        """Return the sums of the studies of both; sign -1: without those of `more`."""
        findings, pairs = Counter(self.findings), Counter(self.pairs)
        for own, others in ((findings, more.findings), (pairs, more.pairs)):
            for key, number in others.items():
                own[key] += sign * number
        return Sums(self.read + sign * more.read, findings, pairs)

    def list_frequent(self) -> set[str]:
        """Return the keys of concepts of which the graph keeps pairs."""
        least = max(1, PAIRED_SHARE * self.read)
        return {
            concept
            for (concept, state), number in self.findings.items()
            if state == _PRESENT and number >= least
        }


def build_edges(sums: Sums, archive: str, extractor: str) -> dict[Edge, GraphRow]:
    """Return the relationships that hold the sums, with their properties.

    COUNTS          from the Load to each finding: COUNTED, and `paired`, whether it has pairs
    AGG_CO_OCCURS   from a frequent finding to each other: studies, archive, extractor
    """
    frequent = sums.list_frequent()
    found: dict[Edge, GraphRow] = {
        (COUNTS, f"{archive}|{extractor}", concept): {
            **{state: sums.findings[concept, state] for state in COUNTED},
            "paired": concept in frequent,
        }
        for concept in sorted({c for (c, _), number in sums.findings.items() if number})
    }
    for pair, studies in sums.pairs.items():
        for head, tail in (pair, pair[::-1]):
            if studies and head in frequent:
                properties = {"studies": studies, "archive": archive, "extractor": extractor}
                found[CO_OCCURS, head, tail] = properties
    return found


def sum_edges(found: Iterable[tuple[Edge, GraphRow]], read: int) -> Sums:
    """Return the sums that relationships hold; of pairs those of frequent findings alone."""
    sums = Sums(read, Counter(), Counter())
    for (kind, head, tail), properties in found:
        if kind == COUNTS:
            for state in COUNTED:
                sums.findings[tail, state] = properties[state]
        else:
            sums.pairs[_sort_pair(head, tail)] = properties["studies"]
    return sums


def sum_findings(tables: Iterable[pa.Table]) -> Sums:
    """Return the sums of studies.

    Args:
        tables: their rows; COLUMNS are enough.
    """
    builder = SumsBuilder()
    for part in (part for table in tables for part in table.to_batches()):
        builder.add(part["status"], list_findings(part, FINDING_COLUMNS))
    return builder.build()


class SumsBuilder:
    """Sums of studies, some thousands at a time."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}  # of all concepts
        self._read = 0
        self._findings: Counter[tuple[str, str]] = Counter()
        self._pairs = [np.empty(0, np.int64)]
        self._numbers = [np.empty(0, np.int64)]

    def add(self, status: pa.Array, found: pa.ListArray) -> None:
        """Add studies: their status, and FINDING_COLUMNS of their findings."""
        self._read += pc.sum(pc.equal(status, "ok")).as_py() or 0
        study, flat = pc.list_parent_indices(found).to_numpy(), pc.list_flatten(found)
        concept = number_keys(pc.struct_field(flat, "concept"), self._ids)
        names = list(self._ids)
        label, stated, denied = (pc.struct_field(flat, n) for n in ("label", "present", "absent"))
        twice = pc.and_(pc.greater(stated, 0), pc.greater(denied, 0))
        states = {state: pc.equal(label, name) for name, state in STATES.items()}
        for state, where in (states | {CONTRADICTED: twice}).items():
            which = concept[where.to_numpy(zero_copy_only=False)]
            for each, number in zip(*np.unique(which, return_counts=True), strict=True):
                self._findings[names[each], state] += int(number)
        present = states[_PRESENT].to_numpy(zero_copy_only=False)
        two, number = np.unique(_pair_up(study[present], concept[present]), return_counts=True)
        self._pairs.append(two)
        self._numbers.append(number)

    def build(self) -> Sums:
        """Return the sums of all that was added."""
        names = list(self._ids)
        distinct, place = np.unique(np.concatenate(self._pairs), return_inverse=True)
        studies = np.bincount(place, np.concatenate(self._numbers), len(distinct)).astype(np.int64)
        pairs: Counter[tuple[str, str]] = Counter()
        for two, number in zip(distinct.tolist(), studies.tolist(), strict=True):
            pairs[_sort_pair(names[two >> 32], names[two & 0xFFFFFFFF])] += number
        return Sums(self._read, self._findings, pairs)


def number_keys(keys: pa.Array, ids: dict[str, int]) -> _Array:
    """Return the number of each key, by `ids`, which grows: a new one gets the next number."""
    encoded = keys.dictionary_encode()
    known = [ids.setdefault(key, len(ids)) for key in encoded.dictionary.to_pylist()]
    numbers: _Array = np.array(known, np.int64)[encoded.indices.to_numpy()]
    return numbers


def _pair_up(study: _Array, concept: _Array) -> _Array:
    """Return two concepts, lesser number first, in one number for each two of each study."""
    _, sizes = np.unique(study, return_counts=True)
    end = np.repeat(np.cumsum(sizes), sizes)  # of each entry's study
    after = end - np.arange(len(study)) - 1  # entries of the study behind this one
    left = np.repeat(np.arange(len(study)), after)
    right = np.arange(len(left)) - np.repeat(np.cumsum(after) - after, after) + left + 1
    a, b = concept[left], concept[right]
    together: _Array = (np.minimum(a, b) << 32) + np.maximum(a, b)
    return together


def _sort_pair(one: str, other: str) -> tuple[str, str]:
    return (one, other) if one < other else (other, one)
