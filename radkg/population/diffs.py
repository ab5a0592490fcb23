"""What changed between two nights, with evidence: compared once, for two nights never change again.

A comparison stands beside the snapshots (kept.py), under the ids of both. It holds words of the
mentions that it names. `radkg prune` removes it with either of its snapshots.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from radkg.errors import StorageError
from radkg.population.columns import read_columns
from radkg.population.kept import keep, list_kept, read_kept, remove_kept
from radkg.run.changes import Changes
from radkg.run.diff import Diff, Evidence, FindingChange, compare_snapshots, describe_snapshot
from radkg.run.snapshot import Snapshot, list_snapshot_ids
from radkg.schema.records import Entity
from radkg.storage import Storage

logger = logging.getLogger(__name__)

FOLDER = "diffs"
_VERSION = 1  # of what is compared: another one is compared anew
_SIDES = ("before", "after")


def read_diff(before: Snapshot, after: Snapshot, differ: Changes | None = None) -> Diff:
    """Return what `compare_snapshots` finds; compared and kept where nobody did yet.

    Args:
        before: the snapshot to start from.
        after: the snapshot that is compared with it, of the same run.
        differ: the rows that differ, where they are known.

    Raises:
        SnapshotError: the two cannot be compared, or a part is damaged.
    """
    storage, key = after.storage, f"{before.snapshot_id}-{after.snapshot_id}"
    data = read_kept(storage, list_kept(storage, FOLDER).get(key), _is_readable)
    if data is not None:
        return _parse(orjson.loads(data), before, after)
    found = compare_snapshots(before, after, differ=differ, count=_count_findings)
    try:
        keep(storage, FOLDER, key, "json", _dump(found))
    except StorageError as error:
        logger.warning("the comparison of two nights is not kept: %s", error)
    return found


def remove_diffs(storage: Storage) -> int:
    """Remove the comparisons with snapshots that are gone; return how many went."""
    standing = set(list_snapshot_ids(storage))
    return remove_kept(storage, FOLDER, lambda key: standing.issuperset(key.split("-")))


def _count_findings(snapshot: Snapshot) -> Counter[str]:
    """Return how many studies of a snapshot have each finding, by its columns."""
    counts: Counter[str] = Counter()
    for columns in read_columns(snapshot):
        findings = pc.list_flatten(columns["findings"].combine_chunks())
        names = pc.struct_field(findings, "name").cast(pa.string())
        for count in pc.value_counts(names).to_pylist():
            counts[count["values"]] += count["counts"]
    return counts


def _dump(found: Diff) -> bytes:
    """Return JSON without what the snapshots say of themselves: a run may move."""
    told = {key: value for key, value in found.to_dict().items() if key not in _SIDES}
    return orjson.dumps({"version": _VERSION, **told})


def _is_readable(data: bytes) -> bool:
    return data.startswith(b'{"version":%d,' % _VERSION)


def _parse(told: dict[str, Any], before: Snapshot, after: Snapshot) -> Diff:
    del told["version"]
    return Diff(
        before=describe_snapshot(before),
        after=describe_snapshot(after),
        findings=[_parse_finding(each) for each in told.pop("findings")],
        **told,
    )


def _parse_finding(told: dict[str, Any]) -> FindingChange:
    del told["share"]  # computed
    evidence = [
        Evidence(**{**each, **{side: each[side] and Entity(**each[side]) for side in _SIDES}})
        for each in told.pop("evidence")
    ]
    return FindingChange(**told, evidence=evidence)
