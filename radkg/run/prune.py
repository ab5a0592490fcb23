"""Remove what no reader needs: nights beyond the last few, and finished units that are published.

Which night is older is known from the audit log alone; a manifest that the log does not name stays.
Nothing else may run on the same storage meanwhile: a run that is about to publish takes parts that
stand for written.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from radkg.errors import ConfigError, SchemaError, SnapshotError
from radkg.run import audit
from radkg.run.journal import Journal, model_ids
from radkg.run.snapshot import Snapshot, manifest_name, part_name, read_snapshot, snapshot_ids
from radkg.schema.arrow import VERSION, versions
from radkg.storage import Storage

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PruneReport:
    """What was removed, and how many nights stand."""

    nights: int
    parts: int
    units: int
    kept: int


def check_keep(keep: int) -> None:
    """Raise ConfigError unless a night is to stay."""
    if keep < 1:
        raise ConfigError(f"--keep is at least 1 night, not {keep}")


def prune(storage: Storage, keep: int) -> PruneReport:
    """Remove all but the last `keep` nights, and units whose rows the published one holds.

    Raises:
        ConfigError: keep is less than 1.
        SnapshotError: nothing is published, or what is published is damaged.
    """
    check_keep(keep)
    current = read_snapshot(storage)
    old = _old_nights(storage, keep) - {current.snapshot_id}
    kept = [night for i in snapshot_ids(storage) if i not in old and (night := _whole(storage, i))]
    for snapshot_id in old:  # before its parts: a night is there whole, or not at all
        storage.delete(manifest_name(snapshot_id))
    needed = {part_name(part) for night in kept for part in night.parts}
    parts = [name for name in storage.names("snapshot/parts") if name not in needed]
    for name in parts:
        storage.delete(name)
    return PruneReport(len(old), len(parts), _drop_units(storage, current, kept), len(kept))


def _old_nights(storage: Storage, keep: int) -> set[str]:
    """Return the nights that stand and are not among the last few that were published."""
    order: list[str] = []
    for line in audit.lines(storage):
        if night := line.get("snapshot_id"):
            order = [*(known for known in order if known != night), str(night)]
    return set(order[:-keep]) & set(snapshot_ids(storage))


def _drop_units(storage: Storage, current: Snapshot, kept: Sequence[Snapshot]) -> int:
    """Remove the units that are published whole, and those of models that no kept night is of.

    A model that has published nothing yet is left: its run may go on.
    """
    published = dict(pair for table in current.tables(VERSION) for pair in versions(table))
    nights = (line for line in audit.lines(storage) if line.get("snapshot_id"))
    past = {line.get("model_id") for line in nights} - {n.manifest["model_id"] for n in kept}
    dropped = 0
    for model_id in model_ids(storage):
        journal = Journal(storage, model_id)
        units = journal.done()
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
        rows = versions(journal.read(unit_id))
    except SchemaError as error:  # no reader needs it, the next run that does will say so
        logger.warning("%s", error)
        return False
    return all(published.get(study_id) == version for study_id, version in rows)


def _whole(storage: Storage, snapshot_id: str) -> Snapshot | None:
    """Return a night whose manifest is as it was written."""
    try:
        return read_snapshot(storage, snapshot_id)
    except SnapshotError as error:
        logger.warning("%s", error)
        return None
