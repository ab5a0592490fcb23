"""Retractions: the studies, patients and snapshots of a run that must stand in no graph.

Each is one object, `retracted/00000001.json` and so on, put only where none stands and never
changed; an undoing is a record of its own. Every load, verification and export leaves out what the
records name, whatever snapshot it is of. Parquet stays as it was published: `radkg prune` removes
old snapshots.
"""

from __future__ import annotations

import functools
import json
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, get_args

import pyarrow as pa
import pyarrow.compute as pc

from radkg.errors import SnapshotError
from radkg.run.snapshot import Snapshot
from radkg.storage import Storage

Retractable = Literal["study", "subject", "run"]
RETRACTABLE: tuple[Retractable, ...] = get_args(Retractable)

_FOLDER = "retracted"


@dataclass(frozen=True)
class Retractions:
    """What is retracted: ids by kind."""

    number: int
    """records that were read, undone ones too; it only grows"""
    ids: dict[Retractable, frozenset[str]]

    def keep_visible(self, rows: pa.Table) -> pa.Table:
        """Return the rows of a table of extractions whose study and patient are not retracted."""
        columns = ("study_id", self.ids["study"]), ("subject_id", self.ids["subject"])
        for column, ids in columns:
            if ids:
                gone = pc.is_in(rows[column], pa.array(sorted(ids), pa.string()))
                rows = rows.filter(pc.invert(gone))
        return rows


class VisibleSnapshot:
    """A snapshot without what is retracted; its rows and numbers are what a graph is to hold."""

    def __init__(self, snapshot: Snapshot, retractions: Retractions) -> None:
        self.retractions = retractions
        self.snapshot = snapshot
        self.snapshot_id = snapshot.snapshot_id
        self.archive = snapshot.archive
        self.extractor = snapshot.extractor

    def keep_visible(self, rows: pa.Table) -> pa.Table:
        """Return those of the snapshot's rows that are not retracted."""
        if self.snapshot_id in self.retractions.ids["run"]:
            return rows.slice(0, 0)
        return self.retractions.keep_visible(rows)

    def read_tables(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """Yield the parts, as Snapshot.tables; `columns` come with those of study and patient."""
        wanted = None if columns is None else sorted({*columns, "study_id", "subject_id"})
        return map(self.keep_visible, self.snapshot.read_tables(wanted))

    @functools.cached_property
    def num_studies(self) -> int:
        """Rows in all parts."""
        if not any(self.retractions.ids.values()):
            return self.snapshot.num_studies
        return sum(table.num_rows for table in self.read_tables([]))

    @property
    def num_retracted(self) -> int:
        """Rows of the snapshot that are left out."""
        return self.snapshot.num_studies - self.num_studies


def hide_retracted(snapshot: Snapshot) -> VisibleSnapshot:
    """Return the snapshot without what is retracted in its run now.

    Raises:
        SnapshotError: a record of a retraction is damaged.
    """
    return VisibleSnapshot(snapshot, read_retractions(snapshot.storage))


def read_retractions(storage: Storage) -> Retractions:
    """Return what is retracted in a run.

    Raises:
        SnapshotError: a record is damaged or missing; nothing is loaded then.
    """
    ids: dict[Retractable, set[str]] = {kind: set() for kind in RETRACTABLE}
    names = storage.list_names(_FOLDER)
    for number, name in enumerate(names, 1):
        try:
            if name != _name(number):
                raise ValueError(name)
            record = json.loads(storage.read(name))
            kind, which, undo = record["kind"], str(record["id"]), record["undo"]
            (ids[kind].discard if undo else ids[kind].add)(which)
        except (KeyError, TypeError, ValueError):
            raise SnapshotError(
                f"retraction {_name(number)} under {storage.uri} is damaged or missing: put it back"
                " from a copy, for nothing is loaded without knowing what was retracted"
            ) from None
    return Retractions(len(names), {kind: frozenset(found) for kind, found in ids.items()})


def record_retraction(storage: Storage, kind: Retractable, which: str, *, undo: bool) -> bool:
    """Retract a study, patient or snapshot by its id, or undo that; False where nothing changed.

    Raises:
        SnapshotError: a record is damaged.
        StorageError: it cannot be written.
    """
    record = {
        "kind": kind,
        "id": which,
        "undo": undo,
        "time": datetime.now(UTC).isoformat(timespec="microseconds"),
        "nonce": secrets.token_hex(8),  # a record that stands is known as this one
    }
    while True:
        standing = read_retractions(storage)
        if (which in standing.ids[kind]) is not undo:
            return False
        if storage.create(_name(standing.number + 1), json.dumps(record).encode()):
            return True


def _name(number: int) -> str:
    return f"{_FOLDER}/{number:08d}.json"
