"""Find a snapshot as a person names it: by its id, the beginning of one, or a date."""

from __future__ import annotations

from datetime import date, datetime

from radkg.errors import ConfigError, SnapshotError
from radkg.run.audit import AuditLog
from radkg.run.snapshot import CURRENT, Snapshot, list_snapshot_ids, read_snapshot
from radkg.storage import Storage, open_storage


def find_snapshot(name: str, storage: Storage) -> Snapshot:
    """Return the snapshot that a name means.

    Args:
        name: CURRENT, an id, a beginning that only one id has, or a date: what was published last
            on that day (UTC) or before, as the audit log has it.
        storage: of the run.

    Raises:
        ConfigError: nothing has this name, or several snapshots have.
        SnapshotError: nothing is published, or the snapshot was pruned; the message names those
            that stand.
    """
    current = read_snapshot(storage)  # where nothing is published, this says so
    if name == CURRENT:
        return current
    history = _history(storage)
    dates = {found: f"{day}" for day, found in history}  # a snapshot is as old as its last run
    standing = sorted(list_snapshot_ids(storage), key=lambda found: dates.get(found, ""))
    those = "there stand " + ", ".join(f"{i} ({dates.get(i, 'no date')})" for i in standing)
    if day := _parse_day(name):
        found = [each for published, each in history if published <= day][-1:]
    else:
        found = [i for i in sorted({*standing, *dates}) if name and i.startswith(name)]
    if len(found) > 1:
        raise ConfigError(f"{name!r} is the beginning of several snapshots: {', '.join(found)}")
    if not found:
        raise ConfigError(f"no snapshot {name!r}: {those}")
    (snapshot_id,) = found
    if snapshot_id not in standing:
        raise SnapshotError(f"snapshot {snapshot_id} ({dates[snapshot_id]}) was pruned: {those}")
    return read_snapshot(storage, snapshot_id)


def open_snapshot(name: str, storage: Storage) -> Snapshot:
    """Return the snapshot `ID` or `CURRENT` of a run, or `DIR@ID` of another run.

    Raises:
        ConfigError: the name lacks the id, or the place before its @.
        SnapshotError: there is no such snapshot; the message names those that stand.
    """
    place, at, snapshot_id = name.rpartition("@")
    if not snapshot_id or (at and not place):
        raise ConfigError(f"{name!r} names no snapshot: give CURRENT, an id, or DIR@ID")
    return read_snapshot(open_storage(place) if at else storage, snapshot_id)


def list_nights(storage: Storage) -> list[tuple[str, date | None]]:
    """Return the snapshots that stand, with the day (UTC) of their last run, the newest last.

    A snapshot that the audit log does not know has no day, and stands first.
    """
    days: dict[str, date] = {}
    for day, found in _history(storage):
        days.pop(found, None)  # a snapshot is as new as its last run
        days[found] = day
    standing = set(list_snapshot_ids(storage))
    unknown = sorted(standing.difference(days))
    return [(found, days.get(found)) for found in [*unknown, *days] if found in standing]


def _history(storage: Storage) -> list[tuple[date, str]]:
    """Return which snapshot was published on which day (UTC), in the order of the log."""
    return [
        (datetime.fromisoformat(line["time"]).date(), str(line["snapshot_id"]))
        for line in AuditLog(storage).read_lines()
        if line.get("snapshot_id")
    ]


def _parse_day(name: str) -> date | None:
    try:
        return date.fromisoformat(name) if "-" in name else None
    except ValueError:
        return None
