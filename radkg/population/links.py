"""What stands beside a study's findings: what suggests what, what is at a site, what else is said.

The named queries `suggests`, `suggested_by` and `site_findings` ask mentions, for a finding holds
the words of its strongest label alone. Here each answer of theirs is one link of a study:

    suggests        finding: one that is present or uncertain, other: what it suggests
    suggested_by    finding: one that is present or uncertain, other: what suggests it
    site_findings   finding: name of an anatomy, other: what is present there
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from radkg.schema.mentions import ANATOMY, STRENGTH, Array, Mentions, number_texts

SUGGESTS, SUGGESTED_BY, SITE_FINDINGS = LINKS = ("suggests", "suggested_by", "site_findings")
LINK = pa.struct([("link", pa.string()), ("finding", pa.string()), ("other", pa.string())])

_UNCERTAIN, _PRESENT = STRENGTH.index("OBS-U"), STRENGTH.index("OBS-DP")


def list_links(rows: pa.RecordBatch) -> pa.ListArray:
    """Return the links of each study: lists of LINK, each link once, sorted.

    Args:
        rows: of the extraction table; entities and relations are enough.
    """
    mentions = Mentions(rows)
    modifies = np.zeros(len(mentions.study), np.bool_)
    modifies[mentions.select_relations("modify").head] = True
    stated = (mentions.strength >= _UNCERTAIN) & ~modifies
    present = (mentions.strength == _PRESENT) & ~modifies
    suggestive = mentions.select_relations("suggestive_of")
    located = mentions.select_relations("located_at")
    at_site = located.take(present[located.head] & (mentions.strength[located.tail] == ANATOMY))
    found = [
        suggestive.take(stated[suggestive.head]),
        suggestive.take(stated[suggestive.tail]).reverse(),
        at_site.reverse(),
    ]
    finding = np.concatenate([pairs.head for pairs in found])
    other = np.concatenate([pairs.tail for pairs in found])
    kind = np.repeat(np.arange(len(LINKS)), [len(pairs.head) for pairs in found])
    columns = [mentions.study[finding], kind, mentions.concept[finding], mentions.concept[other]]
    study, kind, finding, other = _keep_distinct(columns)
    taken = (mentions.names.take(pa.array(codes)) for codes in (finding, other))
    arrays = [pa.array(LINKS).take(pa.array(kind)), *taken]
    links = pa.StructArray.from_arrays(arrays, fields=list(LINK))
    ends = np.cumsum(np.bincount(study, minlength=rows.num_rows))
    return pa.ListArray.from_arrays(pa.array(np.append(0, ends), pa.int32()), links)


def list_others(rows: pa.RecordBatch, findings: pa.ListArray) -> pa.ListArray:
    """Return the names of what each study mentions and is no finding of it, each once, sorted.

    Args:
        rows: of the extraction table; entities are enough.
        findings: of the studies: lists of structs with a `name`.
    """
    lists = (rows["entities"], "concept"), (findings, "name")
    texts = [pc.struct_field(pc.list_flatten(each), field) for each, field in lists]
    numbers, names = number_texts(pa.concat_arrays(texts))
    mentioned, found = np.split(numbers, [len(texts[0])])
    keys = [
        (pc.list_parent_indices(each).to_numpy().astype(np.int64) << 32) + codes
        for (each, _), codes in zip(lists, (mentioned, found), strict=True)
    ]
    others = np.setdiff1d(*keys)
    ends = np.cumsum(np.bincount(others >> 32, minlength=rows.num_rows))
    values = names.take(pa.array(others & 0xFFFFFFFF))
    return pa.ListArray.from_arrays(pa.array(np.append(0, ends), pa.int32()), values)


def _keep_distinct(columns: list[Array]) -> list[Array]:
    """Return the rows of columns, each once, sorted by the first column, the second and so on."""
    order = np.lexsort(columns[::-1])
    columns = [column[order] for column in columns]
    if not len(order):
        return columns
    differs = np.any([np.diff(column) != 0 for column in columns], axis=0)
    first = np.append(True, differs)
    return [column[first] for column in columns]
