"""Which rows of a snapshot are not those of an earlier one: compared column by column, in Arrow.

Exact, whatever a row holds: only the row itself is asked whether it changed. Parts with equal
hashes are not read. A million rows take seconds, as no row becomes an object of Python.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from radkg.run.snapshot import Snapshot

_Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Changes:
    """What brings one snapshot to another; a changed study stands in both tables."""

    snapshot_ids: tuple[str, str]
    """of the earlier and the later one"""
    before: pa.Table
    """rows of the earlier one that the later one does not have"""
    after: pa.Table
    """rows of the later one that the earlier one does not have"""


def find_changes(before: Snapshot, after: Snapshot, known: Changes | None = None) -> Changes:
    """Return the rows in which two snapshots of one archive differ, sorted by study_id.

    Args:
        before: the earlier one.
        after: the later one.
        known: changes that somebody found already; those of these two are returned as they are.

    Raises:
        SnapshotError: a published part is missing or was changed.
    """
    snapshot_ids = before.snapshot_id, after.snapshot_id
    if known is not None and known.snapshot_ids == snapshot_ids:
        return known
    shared = set(before.parts) & set(after.parts)
    old, new = _rows(before, shared), _rows(after, shared)
    # Both are sorted by study_id, so the studies that both have stand in one order.
    met_old, met_new = _of(old, new["study_id"]), _of(new, old["study_id"])
    same = np.ones(met_new.num_rows, np.bool_)
    for name in after.kind.schema.names:
        same &= _equal(_whole(met_old[name]), _whole(met_new[name]))
    unchanged = met_new["study_id"].filter(pa.array(same)).combine_chunks()
    differ = (t.filter(pc.invert(pc.is_in(t["study_id"], unchanged))) for t in (old, new))
    return Changes(snapshot_ids, *differ)


def _rows(snapshot: Snapshot, without: Collection[str]) -> pa.Table:
    """Return the rows of all other parts."""
    parts = (snapshot.read_part(part) for part in snapshot.parts if part not in without)
    return pa.concat_tables([snapshot.kind.schema.empty_table(), *parts])


def _of(rows: pa.Table, study_ids: pa.ChunkedArray) -> pa.Table:
    """Return the rows of these studies; to copy nested rows is most of the time, where all are."""
    known = pc.is_in(rows["study_id"], study_ids.combine_chunks())
    return rows if pc.all(known, min_count=0).as_py() else rows.filter(known)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    whole = column.combine_chunks()
    return whole if isinstance(whole, pa.Array) else pa.concat_arrays(whole.chunks)


def _equal(a: pa.Array, b: pa.Array) -> _Mask:
    """Return for each place whether both arrays, of one type and length, hold the same there."""
    if pa.types.is_struct(a.type):
        same = np.ones(len(a), np.bool_)
        for i in range(a.type.num_fields):
            same &= _equal(pc.struct_field(a, [i]), pc.struct_field(b, [i]))
        return same
    if pa.types.is_list(a.type):
        same = _equal(pc.list_value_length(a), pc.list_value_length(b))
        (rows,) = np.nonzero(same)
        if len(rows) < len(a):
            a, b = a.take(pa.array(rows)), b.take(pa.array(rows))
        differs = ~_equal(pc.list_flatten(a), pc.list_flatten(b))
        same[rows[pc.list_parent_indices(a).to_numpy()[differs]]] = False
        return same
    equal = pc.fill_null(pc.equal(a, b), False)
    both_null = pc.and_(pc.is_null(a), pc.is_null(b))
    mask: _Mask = np.asarray(pc.or_(equal, both_null))
    return mask
