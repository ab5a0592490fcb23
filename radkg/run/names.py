"""Find a published night as a person names it: by its id, the beginning of one, or a date."""

from __future__ import annotations

from datetime import date, datetime

from radkg.errors import ConfigError, SnapshotError
from radkg.run import audit
from radkg.run.snapshot import CURRENT, Snapshot, read_snapshot, snapshot_ids
from radkg.storage import Storage


def find_night(name: str, storage: Storage) -> Snapshot:
    """Return the night that a name means.

    Args:
        name: CURRENT, an id, a beginning that only one id has, or a date: what was published last
            on that day (UTC) or before, as the audit log has it.
        storage: of the run.

    Raises:
        ConfigError: nothing is named so, or several nights are.
        SnapshotError: nothing is published, or the night was pruned; the message names those that
            stand.
    """
    current = read_snapshot(storage)  # where nothing is published, this says so
    if name == CURRENT:
        return current
    history = _history(storage)
    dates = {night: f"{day}" for day, night in history}  # a night is as old as its last run
    standing = sorted(snapshot_ids(storage), key=lambda night: dates.get(night, ""))
    those = "there stand " + ", ".join(f"{i} ({dates.get(i, 'no date')})" for i in standing)
    if day := _day(name):
        found = [night for published, night in history if published <= day][-1:]
    else:
        found = [i for i in sorted({*standing, *dates}) if name and i.startswith(name)]
    if len(found) > 1:
        raise ConfigError(f"{name!r} is the beginning of several nights: {', '.join(found)}")
    if not found:
        raise ConfigError(f"no night {name!r}: {those}")
    (night,) = found
    if night not in standing:
        raise SnapshotError(f"night {night} ({dates[night]}) was pruned: {those}")
    return read_snapshot(storage, night)


def _history(storage: Storage) -> list[tuple[date, str]]:
    """Return which night was published on which day (UTC), in the order of the log."""
    return [
        (datetime.fromisoformat(line["time"]).date(), str(line["snapshot_id"]))
        for line in audit.lines(storage)
        if line.get("snapshot_id")
    ]


def _day(name: str) -> date | None:
    try:
        return date.fromisoformat(name) if "-" in name else None
    except ValueError:
        return None
