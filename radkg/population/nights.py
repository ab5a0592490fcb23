"""The populations of a run's nights, kept open between questions; safe for several threads."""

from __future__ import annotations

import functools
import threading
from collections import OrderedDict
from typing import Any, NamedTuple

from radkg.errors import SnapshotError
from radkg.graph.ask.correction import ErrorTable
from radkg.population.asking import find_errors
from radkg.population.building import build_population
from radkg.population.changes import compare_nights
from radkg.population.columns import read_columns
from radkg.population.glance import describe_population
from radkg.population.population import Population
from radkg.run.names import find_snapshot, list_nights
from radkg.run.retractions import read_retractions
from radkg.run.snapshot import CURRENT, Snapshot, read_snapshot
from radkg.storage import Storage

_OPEN = 2  # nights in memory: some 100 MB for 200,000 studies


class Night(NamedTuple):
    """A snapshot with its population, as it is now."""

    snapshot: Snapshot
    population: Population
    """without what is retracted"""
    error: ErrorTable | None
    """measured error of what read it"""
    retractions: int
    """records that were read"""


class Nights:
    """The nights of one run.

    Args:
        storage: of the run.
        shown: id of the snapshot that is meant where none is named.
    """

    def __init__(self, storage: Storage, shown: str) -> None:
        self._storage = storage
        self._shown = shown
        self._lock = threading.Lock()
        self._whole: OrderedDict[str, tuple[Snapshot, Population]] = OrderedDict()
        self._nights: dict[str, Night] = {}
        self._start = functools.lru_cache(maxsize=2 * _OPEN)(self._describe_start)

    def open(self, name: str = "") -> Night:
        """Return a night; its columns are read the first time.

        Args:
            name: as a person names a snapshot; empty: the one that is shown.

        Raises:
            ConfigError, SnapshotError: there is none of this name, or it is damaged.
        """
        with self._lock:
            snapshot_id = self._shown
            if name and name != snapshot_id:
                snapshot_id = find_snapshot(name, self._storage).snapshot_id
            snapshot, whole = self._open_whole(snapshot_id)
            retractions = read_retractions(self._storage)
            night = self._nights.get(snapshot_id)
            if night is None or night.retractions != retractions.number:
                population = whole.hide(retractions, snapshot_id)
                error = find_errors(population)
                night = Night(snapshot, population, error, retractions.number)
                self._nights[snapshot_id] = night
            return night

    def describe_start(self, name: str = "") -> dict[str, Any]:
        """Return the population at a glance, with its nights and what changed in the last one.

        Raises:
            ConfigError, SnapshotError: as `open`.
        """
        night = self.open(name)
        standing = tuple(list_nights(self._storage))
        return self._start(night.snapshot.snapshot_id, night.retractions, standing)

    def _open_whole(self, snapshot_id: str) -> tuple[Snapshot, Population]:
        """Return a night with what is retracted; the oldest one makes way."""
        if snapshot_id not in self._whole:
            snapshot = read_snapshot(self._storage, snapshot_id)
            parts = read_columns(snapshot)
            names = snapshot.archive, snapshot.extractor, snapshot.manifest
            self._whole[snapshot_id] = snapshot, build_population(parts, *names)
            while len(self._whole) > _OPEN:
                gone, _ = self._whole.popitem(last=False)
                self._nights.pop(gone, None)
        self._whole.move_to_end(snapshot_id)
        return self._whole[snapshot_id]

    def _describe_start(
        self, snapshot_id: str, retractions: int, standing: tuple[tuple[str, Any], ...]
    ) -> dict[str, Any]:
        night = self.open(snapshot_id)
        current = read_snapshot(self._storage, CURRENT).snapshot_id
        order = [each for each, _ in standing]
        days = {each: day and day.isoformat() for each, day in standing}
        nights = [
            {
                **self._describe_night(each, days),
                "current": each == current,
                "in_graph": each == self._shown,
            }
            for each in reversed(order)
        ]
        own = self._describe_night(snapshot_id, days)
        return {
            "night": own
            | {"model_id": night.population.model_id, "archive": night.snapshot.archive},
            "nights": nights,
            **describe_population(night.population, night.error),
            "changes": self._describe_changes(night, order, days),
        }

    def _describe_night(self, snapshot_id: str, days: dict[str, str | None]) -> dict[str, Any]:
        try:
            snapshot = read_snapshot(self._storage, snapshot_id)
        except SnapshotError:  # of another kind, or damaged: it cannot be shown
            return {"snapshot_id": snapshot_id, "day": days.get(snapshot_id), "damaged": True}
        return {
            "snapshot_id": snapshot_id,
            "day": days.get(snapshot_id),
            "studies": snapshot.num_studies,
            "extractor": snapshot.extractor,
        }

    def _describe_changes(
        self, night: Night, order: list[str], days: dict[str, str | None]
    ) -> dict[str, Any] | None:
        """Return what changed since the night before; None where there is none."""
        snapshot_id = night.snapshot.snapshot_id
        place = order.index(snapshot_id) if snapshot_id in order else 0
        if place == 0:
            return None
        try:
            before = read_snapshot(self._storage, order[place - 1])
        except SnapshotError:
            return None
        ids = {"before": order[place - 1], "after": snapshot_id}
        named = {key: {"snapshot_id": each, "day": days.get(each)} for key, each in ids.items()}
        return named | compare_nights(before, night.snapshot, night.population)
