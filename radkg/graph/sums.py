"""What the graph keeps in sum of one archive and extractor: studies a finding, and two of them.

Pure functions on tables of extractions; no database. Sums of studies add up and are taken off
again, so those of a night are those of the night before, less the rows that went, plus those that
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

from radkg.graph.rows import Row
from radkg.schema.concepts import concept_key
from radkg.schema.findings import STATES, STRENGTH

CONTRADICTED = "contradicted"
COUNTED = (*STATES.values(), CONTRADICTED)
COLUMNS = ("status", "entities", "relations")
PAIRED_SHARE = 0.05  # of the studies that were read: who is present in fewer is soon walked

COUNTS, CO_OCCURS = "COUNTS", "AGG_CO_OCCURS"
Edge = tuple[str, str, str]
"""type, and the keys of the two nodes"""

_PRESENT = "present"
_Array = npt.NDArray[Any]


class Sums(NamedTuple):
    """Numbers of studies."""

    read: int
    """with status ok or empty"""
    findings: Counter[tuple[str, str]]
    """by concept and by one of COUNTED: the state of the finding in the study, as HAS_FINDING has
    it; contradicted: both stated and denied"""
    pairs: Counter[tuple[str, str]]
    """in which both findings are present, by their concepts, the lesser name first"""

    def plus(self, more: Sums, sign: int = 1) -> Sums:
        """Return the sums of the studies of both; sign -1: without those of `more`."""
        findings, pairs = Counter(self.findings), Counter(self.pairs)
        for own, others in ((findings, more.findings), (pairs, more.pairs)):
            for key, number in others.items():
                own[key] += sign * number
        return Sums(self.read + sign * more.read, findings, pairs)

    def frequent(self) -> set[str]:
        """Return the concepts of which the graph keeps pairs."""
        least = max(1, PAIRED_SHARE * self.read)
        return {
            concept
            for (concept, state), number in self.findings.items()
            if state == _PRESENT and number >= least
        }


def edges(sums: Sums, archive: str, extractor: str) -> dict[Edge, Row]:
    """Return the relationships that hold the sums, with their properties.

    COUNTS          from the Load to each finding: COUNTED, and `paired`, whether it has pairs
    AGG_CO_OCCURS   from a frequent finding to each other: studies, archive, extractor
    """
    frequent = sums.frequent()
    found: dict[Edge, Row] = {
        (COUNTS, f"{archive}|{extractor}", _key(concept)): {
            **{state: sums.findings[concept, state] for state in COUNTED},
            "paired": concept in frequent,
        }
        for concept in sorted({c for (c, _), number in sums.findings.items() if number})
    }
    for pair, studies in sums.pairs.items():
        for head, tail in (pair, pair[::-1]):
            if studies and head in frequent:
                properties = {"studies": studies, "archive": archive, "extractor": extractor}
                found[CO_OCCURS, _key(head), _key(tail)] = properties
    return found


def sums_of(found: Iterable[tuple[Edge, Row]], read: int) -> Sums:
    """Return the sums that relationships hold; of pairs those of frequent findings alone."""
    sums = Sums(read, Counter(), Counter())
    for (kind, head, tail), properties in found:
        if kind == COUNTS:
            for state in COUNTED:
                sums.findings[_name(tail), state] = properties[state]
        else:
            sums.pairs[_pair(_name(head), _name(tail))] = properties["studies"]
    return sums


def summed(tables: Iterable[pa.Table]) -> Sums:
    """Return the sums of studies.

    Args:
        tables: their rows; COLUMNS are enough.
    """
    ids: dict[str, int] = {}  # of all concepts
    sums = Sums(0, Counter(), Counter())
    read = 0
    pairs, numbers = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for part in (part for table in tables for part in table.to_batches()):
        read += pc.sum(pc.is_in(part["status"], pa.array(["ok", "empty"]))).as_py() or 0
        study, concept, strengths = _mentioned(part, ids)
        names = list(ids)
        absent, uncertain, present = strengths.T  # as STRENGTH rises
        states = (absent & ~uncertain & ~present, uncertain & ~present, present, absent & present)
        for state, which in zip(COUNTED, states, strict=True):
            for each, number in zip(*np.unique(concept[which], return_counts=True), strict=True):
                sums.findings[names[each], state] += int(number)
        two, number = np.unique(_together(study[present], concept[present]), return_counts=True)
        pairs.append(two)
        numbers.append(number)
    names = list(ids)
    distinct, place = np.unique(np.concatenate(pairs), return_inverse=True)
    studies = np.bincount(place, np.concatenate(numbers), len(distinct)).astype(np.int64)
    for two, number in zip(distinct.tolist(), studies.tolist(), strict=True):
        sums.pairs[_pair(names[two >> 32], names[two & 0xFFFFFFFF])] += number
    return sums._replace(read=read)


def num_findings(part: pa.RecordBatch) -> npt.NDArray[np.int64]:
    """Return the number of findings of each study, as findings.findings has them."""
    study, _, _ = _mentioned(part, {})
    return np.bincount(study, minlength=part.num_rows).astype(np.int64)


def _mentioned(part: pa.RecordBatch, ids: dict[str, int]) -> tuple[_Array, _Array, _Array]:
    """Return study (row), concept (of `ids`, which grows), and which STRENGTH its mentions have.

    Sorted by study; a study has each concept once, and what only modifies is not there.
    """
    entities, relations = pc.list_flatten(part["entities"]), pc.list_flatten(part["relations"])
    study = pc.list_parent_indices(part["entities"]).to_numpy()
    lengths = pc.fill_null(pc.list_value_length(part["entities"]), 0).to_numpy()
    first = np.cumsum(lengths) - lengths
    head = first[pc.list_parent_indices(part["relations"]).to_numpy()]
    head = head + pc.struct_field(relations, "head").to_numpy()
    modify = pc.equal(pc.struct_field(relations, "relation"), "modify")
    label, words = _coded(pc.struct_field(entities, "label"))
    strength = np.array([STRENGTH.index(w) if w in STRENGTH else -1 for w in words], np.int64)
    strength = strength[label] if len(words) else label
    is_finding = strength >= 0
    is_finding[head[modify.to_numpy(zero_copy_only=False)]] = False
    concept, words = _coded(pc.struct_field(entities, "concept").filter(pa.array(is_finding)))
    known = np.array([ids.setdefault(word, len(ids)) for word in words], np.int64)
    concept = known[concept] if len(words) else concept
    distinct, place = np.unique(study[is_finding] * (1 << 32) + concept, return_inverse=True)
    strengths = np.zeros((len(distinct), len(STRENGTH)), np.bool_)
    strengths[place, strength[is_finding]] = True
    return distinct >> 32, distinct & 0xFFFFFFFF, strengths


def _coded(texts: pa.Array) -> tuple[_Array, list[str]]:
    """Return a number for each text, and the texts by number."""
    encoded = texts.dictionary_encode()
    return encoded.indices.to_numpy().astype(np.int64), encoded.dictionary.to_pylist()


def _together(study: _Array, concept: _Array) -> _Array:
    """Return two concepts, lesser number first, in one number for each two of each study."""
    _, sizes = np.unique(study, return_counts=True)
    end = np.repeat(np.cumsum(sizes), sizes)  # of each entry's study
    after = end - np.arange(len(study)) - 1  # entries of the study behind this one
    left = np.repeat(np.arange(len(study)), after)
    right = np.arange(len(left)) - np.repeat(np.cumsum(after) - after, after) + left + 1
    a, b = concept[left], concept[right]
    together: _Array = (np.minimum(a, b) << 32) + np.maximum(a, b)
    return together


def _pair(one: str, other: str) -> tuple[str, str]:
    return (one, other) if one < other else (other, one)


def _key(concept: str) -> str:
    return concept_key(STRENGTH[0], concept)


def _name(key: str) -> str:
    return key.partition(":")[2]
