"""What a study's findings are: its observation concepts, each summed up from its mentions.

The one definition, for the graph's HAS_FINDING, the comparison of snapshots, the exports and the
measured errors. An observation that modifies another thing ("mild") is a modifier and no finding.

    concept, name        key of the concept ("observation:effusion"), and its name
    label, confidence    of the strongest mention: of those with the strongest label the surest
    mentions             number of all mentions; of them
    present, absent      OBS-DP and OBS-DA; the others are uncertain
    by_image, by_report  the strongest label of those from this source; null where there is none
    sections             of the report, in which it is mentioned; "none": outside of any
    modifiers            names of what modifies it: "small"
    sites                names of where it is located: "base"
    site_modifiers       names of what modifies these: "left"
    suggests             names of what it is suggestive of
    extractor            who read it
    strongest            index of the strongest mention into the study's entities
    places               the sites, each with its modifiers: "left base"

Modifiers, sites, their modifiers, suggestions and places are of the mentions that have the label of
the finding: of "small effusion on the left, none on the right" the effusion is at the left. What
modifies has the label of what it modifies, or is anatomy (mentions.py). Lists have each name once,
sorted; an empty one is null.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from radkg.schema.mentions import (
    ANATOMY,
    NO_NAME,
    STRENGTH,
    Array,
    Mentions,
    Pairs,
    number_texts,
)
from radkg.schema.records import Label

_TEXTS = pa.list_(pa.string())
MENTION = pa.struct([("modifiers", _TEXTS), ("places", _TEXTS)])


class _Findings:
    """The findings of some studies, numbered in the order of their first mentions."""

    def __init__(self, rows: pa.RecordBatch) -> None:
        self.extractors = rows["extractor"]
        self.all = mentions = Mentions(rows)
        stated = mentions.strength > ANATOMY
        stated[mentions.select_relations("modify").head] = False
        self.mentions = np.flatnonzero(stated)
        """places of the mentions of findings among all mentions; of each of them: """
        self.finding, first = _number_findings(
            mentions.study[self.mentions], mentions.concept[self.mentions]
        )
        """its finding"""
        self.strength = mentions.strength[self.mentions]
        self.number = len(first)
        self.study = mentions.study[self.mentions[first]]
        """of each finding, as is its concept"""
        self.concept = mentions.concept[self.mentions[first]]
        self.strongest = self._find_greatest(self.strength, self.finding, ANATOMY)
        """the strength of its label"""
        self.owns = self.strength == self.strongest[self.finding]
        """whether a mention has the label of its finding"""

    @cached_property
    def owner(self) -> Array:
        """Of each of all mentions the finding that it gives its label; -1: none."""
        owner = np.full(len(self.all.study), -1)
        owner[self.mentions[self.owns]] = self.finding[self.owns]
        return owner

    @cached_property
    def confidence(self) -> Array:
        """Of each finding."""
        found = self.all.confidence[self.mentions[self.owns]]
        return self._find_greatest(found, self.finding[self.owns], -np.inf)

    @cached_property
    def located(self) -> Pairs:
        """What is located, and where."""
        return self.all.select_relations("located_at")

    def find_strongest_mentions(self) -> pa.Array:
        """Return the indices of the first mentions with label and confidence of their findings."""
        surest = self.all.confidence[self.mentions] == self.confidence[self.finding]
        which = np.flatnonzero(self.owns & surest)[::-1]
        found = np.empty(self.number, np.int64)
        found[self.finding[which]] = self.mentions[which]  # the last one that is written stays
        return pa.array(self.all.find_ordinals(found))

    def count(self, label: Label | None = None) -> pa.Array:
        """Return the numbers of mentions, of all or of those with a label."""
        own = self.finding
        if label is not None:
            own = own[self.strength == STRENGTH.index(label)]
        return pa.array(np.bincount(own, minlength=self.number))

    def label_by(self, source: str) -> pa.Array:
        """Return the strongest labels of the mentions from a source."""
        which = self.all.source[self.mentions] == source
        return _to_labels(self._find_greatest(self.strength[which], self.finding[which], ANATOMY))

    def list_sections(self) -> pa.Array:
        """Return the sections of all mentions."""
        codes, names = self.all.section
        return _list_sorted(self.finding, codes[self.mentions], names, self.number)

    def list_linked(self, links: Pairs) -> pa.Array:
        """Return the names of what the mentions with the label of their finding lead to."""
        own = self.owner[links.head]
        return self._list_names(own, self.all.concept[links.tail], self.all.names)

    def list_sites(self) -> pa.Array:
        """Return the names of the sites, and the side that the finding's own word implies."""
        own = np.append(self.owner[self.located.head], self.owner)
        codes = np.append(self.all.concept[self.located.tail], self.all.side)
        return self._list_names(own, codes, self.all.names)

    def list_site_modifiers(self) -> pa.Array:
        """Return the names of what modifies the sites, and the sides that their words imply."""
        linked = self.all.modify.follow(self.located)
        own = np.append(self.owner[linked.head], self.owner[self.located.head])
        codes = np.append(self.all.concept[linked.tail], self.all.side[self.located.tail])
        return self._list_names(own, codes, self.all.names)

    def list_places(self) -> pa.Array:
        """Return the sites, each with its modifiers."""
        codes, texts = _number_phrases(self.all)
        return self._list_names(self.owner[self.located.head], codes[self.located.tail], texts)

    def _list_names(self, own: Array, codes: Array, texts: pa.Array) -> pa.Array:
        """Return for each finding its texts; what has no finding or no name is left out."""
        kept = (own >= 0) & (codes >= 0)
        return _list_sorted(own[kept], codes[kept], texts, self.number)

    def _find_greatest(self, values: Array, finding: Array, least: float) -> Array:
        found = np.full(self.number, least, values.dtype)
        np.maximum.at(found, finding, values)
        return found


_COLUMNS: dict[str, tuple[pa.DataType, Callable[[_Findings], pa.Array]]] = {
    "concept": (
        pa.string(),
        lambda f: _join("observation", f.all.names.take(pa.array(f.concept)), ":"),
    ),
    "name": (pa.string(), lambda f: f.all.names.take(pa.array(f.concept))),
    "label": (pa.string(), lambda f: _to_labels(f.strongest)),
    "confidence": (pa.float64(), lambda f: pa.array(f.confidence + 0.0)),  # no -0.0: it equals 0.0
    "mentions": (pa.int64(), lambda f: f.count()),
    "present": (pa.int64(), lambda f: f.count("OBS-DP")),
    "absent": (pa.int64(), lambda f: f.count("OBS-DA")),
    "by_image": (pa.string(), lambda f: f.label_by("image")),
    "by_report": (pa.string(), lambda f: f.label_by("report")),
    "sections": (_TEXTS, lambda f: f.list_sections()),
    "modifiers": (_TEXTS, lambda f: f.list_linked(f.all.modify.reverse())),
    "sites": (_TEXTS, lambda f: f.list_sites()),
    "site_modifiers": (_TEXTS, lambda f: f.list_site_modifiers()),
    "suggests": (_TEXTS, lambda f: f.list_linked(f.all.select_relations("suggestive_of"))),
    "extractor": (pa.string(), lambda f: f.extractors.take(pa.array(f.study))),
    "strongest": (pa.int64(), lambda f: f.find_strongest_mentions()),
    "places": (_TEXTS, lambda f: f.list_places()),
}
FINDING = pa.struct([(name, kind) for name, (kind, _) in _COLUMNS.items()])


def list_findings(rows: pa.RecordBatch, columns: Sequence[str] = tuple(FINDING.names)) -> pa.Array:
    """Return the findings of each study: lists of structs, in the order of their first mentions.

    Args:
        rows: of the extraction table; entities, relations and extractor are enough.
        columns: fields of FINDING, one at least; no other is computed.
    """
    findings = _Findings(rows)
    arrays = [_COLUMNS[name][1](findings) for name in columns]
    fields = [FINDING.field(name) for name in columns]
    ends = np.cumsum(np.bincount(findings.study, minlength=rows.num_rows))
    found = pa.StructArray.from_arrays(arrays, fields=fields)
    return pa.ListArray.from_arrays(pa.array(np.append(0, ends), pa.int32()), found)


def describe_mentions(rows: pa.RecordBatch) -> pa.ListArray:
    """Return for each study a list of MENTION: what modifies each mention, and its places.

    Names stand in order of mention, each once; a mention without has an empty list.

    Args:
        rows: of the extraction table; entities and relations are enough.
    """
    mentions, entities = Mentions(rows), rows["entities"]
    phrases, texts = _number_phrases(mentions)
    located = mentions.select_relations("located_at")
    columns = [
        _list_in_order(mentions.modify.reverse(), mentions.concept, mentions.names),
        _list_in_order(located, phrases, texts),
    ]
    described = pa.StructArray.from_arrays(columns, fields=list(MENTION))
    ends = np.cumsum(pc.list_value_length(entities).to_numpy())
    return pa.ListArray.from_arrays(pa.array(np.append(0, ends), pa.int32()), described)


def _number_findings(study: Array, concept: Array) -> tuple[Array, Array]:
    """Return for each mention the number of its finding, and of each finding the first mention."""
    _, first, finding = np.unique((study << 32) + concept, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return place[finding], first[order]


def _number_phrases(mentions: Mentions) -> tuple[Array, pa.Array]:
    """Return for each mention its name behind its modifiers, as a place in texts, and the texts.

    A side that its own word implies is one of them: of "RLL" the phrase is "right lower lobe".
    """
    names = mentions.names.take(pa.array(mentions.concept))
    sides = mentions.names.take(pa.array(mentions.side, mask=mentions.side == NO_NAME))
    names = pc.coalesce(_join(sides, names, " "), names)
    words = _list_in_order(mentions.modify.reverse(), mentions.concept, mentions.names)
    modified = _join(pc.binary_join(words, " "), names, " ")
    alone = pc.equal(pc.list_value_length(words), 0)
    return number_texts(pc.if_else(alone, names, modified))


def _list_in_order(pairs: Pairs, codes: Array, texts: pa.Array) -> pa.ListArray:
    """Return for each of all mentions the texts of what it leads to, each once, in their order."""
    order = np.lexsort((pairs.tail, pairs.head))
    head, code = pairs.head[order], codes[pairs.tail[order]]
    _, first = np.unique((head << 32) + code, return_index=True)
    first.sort()
    lengths = np.bincount(head[first], minlength=len(codes))
    ends = pa.array(np.append(0, np.cumsum(lengths)), pa.int32())
    return pa.ListArray.from_arrays(ends, texts.take(pa.array(code[first])))


def _list_sorted(finding: Array, codes: Array, texts: pa.Array, number: int) -> pa.ListArray:
    """Return for each finding the texts that go with it, each once, sorted; none: null."""
    distinct = np.unique((finding << 32) + codes)
    lengths = np.bincount(distinct >> 32, minlength=number)
    ends = pa.array(np.append(0, np.cumsum(lengths)), pa.int32())
    values = texts.take(pa.array(distinct & 0xFFFFFFFF))
    return pa.ListArray.from_arrays(ends, values, mask=pa.array(lengths == 0))


def _to_labels(strength: Array) -> pa.Array:
    return pa.array(STRENGTH).take(pa.array(strength, mask=strength == ANATOMY))


def _join(left: pa.Array | str, right: pa.Array, between: str) -> pa.Array:
    return pc.binary_join_element_wise(left, right, between)
