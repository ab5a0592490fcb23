"""What HAS_FINDING says of a finding in a study, so that a question need not walk its mentions.

Nothing that its mentions do not say: a summary of them (schema/findings.py has the findings).

    label, confidence    of the strongest mention
    mentions             number of all mentions; of them
    present, absent      OBS-DP and OBS-DA; the others are uncertain
    by_image, by_report  the strongest label of those from this source; null where there is none
    sections             of the report, in which it is mentioned; "none": outside of any
    modifiers            names of what modifies it: "small"
    sites                names of where it is located: "base"
    site_modifiers       names of what modifies these: "left"
    suggests             names of what it is suggestive of
    extractor            who read it

The four lists before are of the mentions that have its label: of "small effusion on the left, none
on the right" the effusion is at the left. What modifies has the label too, or is anatomy:
"effusion, not large" is not large. Lists have each name once, sorted; an empty one is null.

Computed from columns, for every load needs it of every study: a row at a time takes ten times as
long.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from radkg.schema.findings import STRENGTH

_TEXTS = pa.list_(pa.string())
FINDING = pa.struct(
    [
        ("concept", pa.string()),  # key of the Concept
        ("label", pa.string()),
        ("confidence", pa.float64()),
        *((name, pa.int64()) for name in ("mentions", "present", "absent")),
        *((name, pa.string()) for name in ("by_image", "by_report")),
        *((n, _TEXTS) for n in ("sections", "modifiers", "sites", "site_modifiers", "suggests")),
        ("extractor", pa.string()),
    ]
)
PROPERTIES = tuple(field.name for field in FINDING if field.name != "concept")

_NO_SECTION = "none"
_ANATOMY = -1  # in place of a strength
_Array = npt.NDArray[Any]


def study_findings(rows: pa.RecordBatch) -> pa.ListArray:
    """Return the findings of each study, lists of FINDING in the order of their first mentions.

    Args:
        rows: of the extraction table; entities, relations and extractor are enough.
    """
    mentions, links = _Mentions(rows["entities"]), _Links(rows["relations"], rows["entities"])
    modify = links.of("modify")
    stated = mentions.strength > _ANATOMY
    stated[modify.head] = False
    which = np.flatnonzero(stated)
    finding, first = _numbered(mentions.study[which], mentions.concept[which])
    number = len(first)
    strength = mentions.strength[which]
    strongest = _greatest(strength, finding, number, _ANATOMY)
    owns = strength == strongest[finding]
    confidence = _greatest(mentions.confidence[which[owns]], finding[owns], number, -np.inf)
    # of each mention, the finding that it gives its label
    owner = np.full(len(mentions.study), -1)
    owner[which[owns]] = finding[owns]
    same = mentions.strength[modify.head] == mentions.strength[modify.tail]
    modify = modify.take(same | (mentions.strength[modify.head] == _ANATOMY))
    located, suggestive = links.of("located_at"), links.of("suggestive_of")
    at_site = modify.following(located)
    texts = mentions.names

    def named(links: _Pairs) -> pa.Array:
        own = owner[links.head]
        return _lists(own[own >= 0], mentions.concept[links.tail][own >= 0], texts, number)

    def by(source: str) -> pa.Array:
        of_source = mentions.source[which] == source
        return _labels(_greatest(strength[of_source], finding[of_source], number, _ANATOMY))

    study = mentions.study[which[first]]
    columns = {
        "concept": pc.binary_join_element_wise(
            "observation", texts.take(pa.array(mentions.concept[which[first]])), ":"
        ),
        "label": _labels(strongest),
        "confidence": pa.array(confidence + 0.0),  # no -0.0: it equals 0.0
        "mentions": _counted(finding, number),
        "present": _counted(finding[strength == STRENGTH.index("OBS-DP")], number),
        "absent": _counted(finding[strength == STRENGTH.index("OBS-DA")], number),
        "by_image": by("image"),
        "by_report": by("report"),
        "sections": _lists(finding, mentions.section[which], mentions.sections, number),
        "modifiers": named(_Pairs(modify.tail, modify.head)),
        "sites": named(located),
        "site_modifiers": named(at_site),
        "suggests": named(suggestive),
        "extractor": rows["extractor"].take(pa.array(study)),
    }
    found = pa.StructArray.from_arrays(list(columns.values()), fields=list(FINDING))
    ends = np.cumsum(np.bincount(study, minlength=rows.num_rows))
    return pa.ListArray.from_arrays(pa.array(np.append(0, ends), pa.int32()), found)


class _Mentions:
    """Columns of all mentions of some studies, as numbers."""

    def __init__(self, entities: pa.ListArray) -> None:
        flat = pc.list_flatten(entities)
        self.study: _Array = pc.list_parent_indices(entities).to_numpy()
        """rows"""
        label = pc.struct_field(flat, "label")
        found = pc.index_in(label, pa.array(STRENGTH)).fill_null(_ANATOMY)
        self.strength: _Array = found.to_numpy().astype(np.int64)
        self.concept, self.names = _coded(pc.struct_field(flat, "concept"))
        """places in `names`, which are sorted"""
        section = pc.struct_field(flat, "section").fill_null(_NO_SECTION)
        self.section, self.sections = _coded(section)
        self.source: _Array = pc.struct_field(flat, "source").to_numpy(zero_copy_only=False)
        self.confidence: _Array = pc.struct_field(flat, "confidence").to_numpy()


class _Pairs:
    """Relations: places of head and tail among all mentions."""

    def __init__(self, head: _Array, tail: _Array) -> None:
        self.head = head
        self.tail = tail

    def take(self, which: _Array) -> _Pairs:
        return _Pairs(self.head[which], self.tail[which])

    def following(self, before: _Pairs) -> _Pairs:
        """Return the heads of `before` with those of these that lead where it ends."""
        order = np.argsort(self.tail, kind="stable")
        tails = self.tail[order]
        start, stop = (np.searchsorted(tails, before.tail, side) for side in ("left", "right"))
        number = stop - start
        within = np.arange(number.sum()) - np.repeat(np.cumsum(number) - number, number)
        return _Pairs(
            np.repeat(before.head, number), self.head[order][np.repeat(start, number) + within]
        )


class _Links:
    """All relations of some studies."""

    def __init__(self, relations: pa.ListArray, entities: pa.ListArray) -> None:
        flat = pc.list_flatten(relations)
        lengths = pc.list_value_length(entities).to_numpy()
        first = (np.cumsum(lengths) - lengths)[pc.list_parent_indices(relations).to_numpy()]
        self.relation = pc.struct_field(flat, "relation")
        ends = (first + pc.struct_field(flat, end).to_numpy() for end in ("head", "tail"))
        self.all = _Pairs(*ends)

    def of(self, relation: str) -> _Pairs:
        return self.all.take(pc.equal(self.relation, relation).to_numpy(zero_copy_only=False))


def _coded(texts: pa.Array) -> tuple[_Array, pa.Array]:
    """Return a number for each text, and the texts by number, sorted."""
    encoded = texts.dictionary_encode()
    order = pc.sort_indices(encoded.dictionary).to_numpy().astype(np.int64)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return place[encoded.indices.to_numpy()], encoded.dictionary.take(pa.array(order))


def _numbered(study: _Array, concept: _Array) -> tuple[_Array, _Array]:
    """Return for each mention the number of its finding, and of each finding the first mention."""
    _, first, finding = np.unique((study << 32) + concept, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return place[finding], first[order]


def _greatest(values: _Array, finding: _Array, number: int, least: float) -> _Array:
    found = np.full(number, least, values.dtype)
    np.maximum.at(found, finding, values)
    return found


def _counted(finding: _Array, number: int) -> pa.Array:
    return pa.array(np.bincount(finding, minlength=number))


def _labels(strength: _Array) -> pa.Array:
    return pa.array(STRENGTH).take(pa.array(strength, mask=strength == _ANATOMY))


def _lists(finding: _Array, codes: _Array, texts: pa.Array, number: int) -> pa.Array:
    """Return for each finding the texts that go with it, each once, sorted; none: null."""
    distinct = np.unique((finding << 32) + codes)
    lengths = np.bincount(distinct >> 32, minlength=number)
    ends = pa.array(np.append(0, np.cumsum(lengths)), pa.int32())
    values = texts.take(pa.array(distinct & 0xFFFFFFFF))
    return pa.ListArray.from_arrays(ends, values, mask=pa.array(lengths == 0))
