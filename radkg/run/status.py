"""What a running or finished run does, from what stands under it alone: beats, units, snapshot.

Nothing is asked of the driver or of Ray, so that the answer is the same on any machine that reads
the run, and after the driver has died.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow.compute as pc

from radkg.archive import open_archive
from radkg.errors import SnapshotError, StorageError
from radkg.run.audit import AuditLog
from radkg.run.heartbeat import DONE, Beat, read_beats
from radkg.run.journal import Journal, list_model_ids
from radkg.run.kind import DRAFTS, EXTRACTIONS
from radkg.run.settings import CONFIG
from radkg.run.snapshot import POINTER, Snapshot, read_snapshot
from radkg.schema.arrow import list_versions
from radkg.schema.reasons import group_reason
from radkg.storage import Storage


@dataclass(frozen=True)
class DriverStatus:
    """What one driver does, or did until it ended."""

    verb: str
    who: str
    pid: int
    alive: bool
    silent_s: float
    """since its last beat"""
    begun: str
    seconds: float
    earlier_s: float
    """of drivers that were killed before, over the same work"""
    outcome: str | None
    """done, interrupted, or the type of the error that ended it; None: it has not ended"""
    stage: str | None
    stages: tuple[dict[str, Any], ...]
    """name, seconds, done, total and failed of each stage, in order"""
    studies: int
    """of the archive; 0: the driver has not counted them yet"""
    finished: int
    """of them, those that have a row: published, or in a unit"""
    made: int
    """rows of this driver"""
    failed_by: dict[str, int]
    """failed rows of this driver by the class of their reason"""
    rate: float | None
    """things of the stage a second"""
    left_s: float | None
    units: int
    units_done: int
    workers: int
    worker_hours: float
    """that workers were there"""
    worker_busy: float | None
    """share of this time in units"""
    model_busy: float | None
    """share of this time in the model: of a GPU, its busy share"""
    device: str
    unit_s: float
    """seconds of workers in all units"""
    longest_unit_s: float
    tokens_read: int
    tokens_written: int


@dataclass(frozen=True)
class PublishedStatus:
    """What readers of the run see."""

    snapshot_id: str
    kind: str
    model_id: str
    studies: int
    status: dict[str, int]
    """rows by their status"""
    failed_by: dict[str, int]
    """failed rows by the class of their reason"""
    time: str | None
    """of the last run that published it; None: the log does not know"""


@dataclass(frozen=True)
class Status:
    """What a run does."""

    run: str
    time: str
    drivers: tuple[DriverStatus, ...]
    """oldest first; the last ones that ended, and those that may live"""
    published: PublishedStatus | None
    units_finished: int
    """in the journal, of all models"""
    units_begun: int
    """and not finished: in hand, or left by a killed driver"""
    lag: int | None
    """studies of the archive without a row of their present version; None: nobody counted"""
    lag_from: str | None
    """what counted them: the archive, or the plan of the last driver"""
    verified: str | None
    """when a night was last found equal in the graph"""
    cost: float | None
    """of the seconds of the newest driver and of those killed before it, at the price given"""

    @property
    def is_alive(self) -> bool:
        """Whether a driver works on the run."""
        return any(driver.alive for driver in self.drivers)


class StatusReader:
    """Reads the status of one run; what cannot change is read once.

    Args:
        storage: of the run.
        price: of an hour of all machines of the run, in any currency; None: no cost is said.
    """

    def __init__(self, storage: Storage, price: float | None = None) -> None:
        self._storage = storage
        self._price = price
        self._published: PublishedStatus | None = None

    def read(self, *, count_lag: bool = False) -> Status:
        """Return what the run does now.

        Args:
            count_lag: compare with the archive, whose index is read for it.

        Raises:
            SnapshotError: nothing stands there, or what is published is damaged.
            ArchiveError: the archive cannot be read, and the lag is to be counted.
        """
        beats = read_beats(self._storage)
        finished = self._list_journals("journal")
        begun = self._list_journals("attempts")
        units = sum(len(journal.list_done()) for journal in finished)
        published = self._read_published()
        if not (beats or units or published or self._storage.exists(CONFIG)):
            raise SnapshotError(f"no run stands under {self._storage.uri}: name an --out of a run")
        drivers = tuple(_describe(beat) for beat in beats)
        lag, lag_from = self._count_lag() if count_lag else _estimate_lag(beats)
        newest = drivers[-1] if drivers else None
        spent_s = 0.0 if newest is None else newest.seconds + newest.earlier_s
        return Status(
            run=self._storage.uri,
            time=datetime.now(UTC).isoformat(timespec="seconds"),
            drivers=drivers,
            published=published,
            units_finished=units,
            units_begun=sum(len(journal.list_begun()) for journal in begun),
            lag=lag,
            lag_from=lag_from,
            verified=max((beat.verified for beat in beats if beat.verified), default=None),
            cost=None if self._price is None else spent_s / 3600 * self._price,
        )

    def _list_journals(self, folder: str) -> list[Journal]:
        return [Journal(self._storage, each) for each in list_model_ids(self._storage, folder)]

    def _read_published(self) -> PublishedStatus | None:
        if not self._storage.exists(POINTER):
            return None
        snapshot = _read_any(self._storage)
        before = self._published
        if before is None or before.snapshot_id != snapshot.snapshot_id:
            failed_by = _count_reasons(snapshot) if snapshot.manifest["status"]["failed"] else {}
            self._published = PublishedStatus(
                snapshot_id=snapshot.snapshot_id,
                kind=snapshot.kind.name,
                model_id=str(snapshot.manifest["model_id"]),
                studies=snapshot.num_studies,
                status=dict(snapshot.manifest["status"]),
                failed_by=failed_by,
                time=self._find_time(snapshot.snapshot_id),
            )
        return self._published

    def _find_time(self, snapshot_id: str) -> str | None:
        """Return when a run published a snapshot last."""
        for line in AuditLog(self._storage).read_lines(newest_first=True):
            if line.get("snapshot_id") == snapshot_id:
                return str(line["time"])
        return None

    def _count_lag(self) -> tuple[int, str]:
        """Return how many studies of the archive have no row of their present version."""
        try:
            config = json.loads(self._storage.read(CONFIG))
        except (StorageError, ValueError) as error:
            raise SnapshotError(
                f"nothing under {self._storage.uri} names the archive: a run that published does"
            ) from error
        index = open_archive(config["archive"], config.get("images")).index()
        there = list_versions(index.rename_columns(_as_rows(index.column_names)))
        rows: dict[str, str] = {}
        for table in _read_any(self._storage).read_tables(["study_id", "study_fingerprint"]):
            rows |= dict(list_versions(table))
        limit = config.get("limit")
        lag = sum(rows.get(i) != version for i, version in list(there)[:limit])
        return lag, "the archive"


def _as_rows(names: list[str]) -> list[str]:
    return ["study_fingerprint" if name == "fingerprint" else name for name in names]


def _read_any(storage: Storage) -> Snapshot:
    """Return what is published, of whichever kind."""
    try:
        return read_snapshot(storage, kind=EXTRACTIONS)
    except SnapshotError:
        return read_snapshot(storage, kind=DRAFTS)


def _count_reasons(snapshot: Snapshot) -> dict[str, int]:
    counted: Counter[str] = Counter()
    for rows in snapshot.read_tables(["status", "reason"]):
        failed = rows.filter(pc.equal(rows["status"], "failed"))
        counted.update(group_reason(reason or "") for reason in failed["reason"].to_pylist())
    return dict(sorted(counted.items()))


def _estimate_lag(beats: list[Beat]) -> tuple[int | None, str | None]:
    """Return the lag as the newest driver knows it: what it found to do, and has not done."""
    planned = [beat for beat in beats if beat.model_id is not None]
    if not planned:
        return None, None
    newest = planned[-1]
    published = newest.outcome == DONE or newest.verified is not None
    return 0 if published else newest.to_make - newest.studies_done, "the last plan"


def _describe(beat: Beat) -> DriverStatus:
    stage = beat.stage
    going_on = stage if stage and beat.outcome is None else None
    return DriverStatus(
        verb=beat.verb,
        who=beat.who,
        pid=beat.pid,
        alive=beat.is_alive,
        silent_s=round(beat.silent_s, 1),
        begun=beat.begun,
        seconds=beat.seconds,
        earlier_s=beat.earlier_s,
        outcome=beat.outcome,
        stage=stage.name if stage else None,
        stages=tuple(
            {k: v for k, v in asdict(each).items() if not k.startswith("first")}
            for each in beat.stages
        ),
        studies=beat.studies,
        finished=beat.studies - beat.to_make + beat.studies_done,
        made=beat.studies_done,
        failed_by=dict(sorted(beat.failed_by.items())),
        rate=going_on.rate if going_on else None,
        left_s=going_on.left_s if going_on else None,
        units=beat.units,
        units_done=beat.units_done,
        workers=beat.workers,
        worker_hours=beat.worker_s / 3600,
        worker_busy=_share(beat.unit_s, beat.worker_s),
        model_busy=_share(beat.model_s, beat.worker_s),
        device=beat.device,
        unit_s=beat.unit_s,
        longest_unit_s=beat.longest_unit_s,
        tokens_read=beat.tokens_read,
        tokens_written=beat.tokens_written,
    )


def _share(part: float, whole: float) -> float | None:
    return min(1.0, part / whole) if whole > 0 else None
