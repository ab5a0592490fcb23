"""Remove what no reader needs: snapshots beyond the last few, and units that are published.

Only the audit log knows which snapshot is older; a manifest that the log does not name stays.
Nothing else may run on the same storage meanwhile: a run that is about to publish takes parts that
stand for written.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from radkg.errors import ConfigError, SchemaError, SnapshotError
from radkg.run.audit import AuditLog
from radkg.run.journal import Journal, list_model_ids
from radkg.run.kind import EXTRACTIONS, Kind
from radkg.run.snapshot import Snapshot, list_snapshot_ids, name_manifest, name_part, read_snapshot
from radkg.schema.arrow import VERSION, list_versions
from radkg.storage import Storage

logger = logging.getLogger(__name__)

KEEP = 7  # snapshots


@dataclass(frozen=True)
class PruneReport:
    """What was removed, and how many snapshots stand."""

    nights: int
    """snapshots; the name of the field is older than the word"""
    parts: int
    units: int
    kept: int


def check_keep(keep: int) -> None:
    """Raise ConfigError unless a snapshot is to stay."""
    if keep < 1:
        raise ConfigError(f"--keep is at least 1 snapshot, not {keep}")


def prune(storage: Storage, keep: int, kind: Kind = EXTRACTIONS) -> PruneReport:
    """Remove all but the last `keep` snapshots, and units whose rows the published one holds.

    Raises:
        ConfigError: keep is less than 1.
        SnapshotError: nothing is published, or what is published is damaged.
    """
    check_keep(keep)
    current = read_snapshot(storage, kind=kind)
    old = _old_snapshots(storage, keep) - {current.snapshot_id}
    standing = (i for i in list_snapshot_ids(storage) if i not in old)
    kept = [found for i in standing if (found := _read_whole(storage, i, kind))]
    for snapshot_id in old:  # before its parts: a snapshot is there whole, or not at all
        storage.delete(name_manifest(snapshot_id))
    needed = {name_part(part) for snapshot in kept for part in snapshot.parts}
    parts = [name for name in storage.list_names("snapshot/parts") if name not in needed]
    for name in parts:
        storage.delete(name)
    return PruneReport(len(old), len(parts), _drop_units(storage, current, kept), len(kept))


def _old_snapshots(storage: Storage, keep: int) -> set[str]:
    """Return the snapshots that stand and are not among the last few that were published."""
    order: list[str] = []
    for line in AuditLog(storage).read_lines():
        if published := line.get("snapshot_id"):
            order = [*(known for known in order if known != published), str(published)]
    return set(order[:-keep]) & set(list_snapshot_ids(storage))


def _drop_units(storage: Storage, current: Snapshot, kept: Sequence[Snapshot]) -> int:
    """Remove the units that are published whole, and those of models that no kept snapshot is of.

    A model that has published nothing yet is left: its run may go on.
    """
    published = dict(
        pair for table in current.read_tables(VERSION) for pair in list_versions(table)
    )
    publications = (line for line in AuditLog(storage).read_lines() if line.get("snapshot_id"))
    past = {line.get("model_id") for line in publications}
    past -= {snapshot.manifest["model_id"] for snapshot in kept}
    dropped = 0
    for model_id in list_model_ids(storage):
        journal = Journal(storage, model_id, current.kind)
        units = journal.list_done()
        if model_id == current.manifest["model_id"]:
            units = {unit for unit in units if _stands(journal, unit, published)}
        elif model_id not in past:
            continue
        journal.drop(units)
        dropped += len(units)
    return dropped


def _stands(journal: Journal, unit_id: str, published: Mapping[str, str]) -> bool:
    """Tell whether all of a unit is published."""
    try:
        rows = list_versions(journal.read(unit_id))
    except SchemaError as error:  # no reader needs it, the next run that does will say so
        logger.warning("%s", error)
        return False
    return all(published.get(study_id) == version for study_id, version in rows)


def _read_whole(storage: Storage, snapshot_id: str, kind: Kind) -> Snapshot | None:
    """Return a snapshot whose manifest is as it was written."""
    try:
        return read_snapshot(storage, snapshot_id, kind)
    except SnapshotError as error:
        logger.warning("%s", error)
        return None
