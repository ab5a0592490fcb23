"""The journal: one Parquet object per finished unit. The object is the commit; nothing else is.

Names: journal/<model_id>/<unit_id>.parquet, and attempts/<model_id>/<unit_id><step>-<n> for a unit
that was begun and is not finished. Two workers that finish the same unit write the same bytes.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import pyarrow as pa

from radkg.errors import SchemaError
from radkg.run.kind import EXTRACTIONS, Kind
from radkg.schema.arrow import from_parquet, to_parquet
from radkg.storage import Storage


@dataclass(frozen=True)
class Journal:
    """The finished units of one model under one storage."""

    storage: Storage
    model_id: str
    kind: Kind = EXTRACTIONS

    def list_done(self) -> set[str]:
        """Return the ids of the finished units, by one listing."""
        names = self.storage.list_names(f"journal/{self.model_id}")
        return {name.rpartition("/")[2].removesuffix(".parquet") for name in names}

    def list_begun(self) -> set[str]:
        """Return the ids of the units that were begun and are not finished."""
        names = self.storage.list_names(f"attempts/{self.model_id}")
        return {_unit_and_step(name).partition(".")[0] for name in names}

    def begin(self, unit_id: str, step: str = "") -> int:
        """Mark one more attempt at a unit; return how many were begun before and never finished.

        Args:
            unit_id: its name.
            step: of the work on it; each is counted alone.
        """
        names = self.storage.list_names(f"attempts/{self.model_id}")
        before = sum(_unit_and_step(name) == unit_id + step for name in names)
        self.storage.write(f"attempts/{self.model_id}/{unit_id}{step}-{before}", b"")
        return before

    def commit(self, unit_id: str, rows: pa.Table) -> None:
        """Write the unit's rows, whole or not at all, then forget its attempts."""
        self.storage.write(self._name(unit_id), to_parquet(rows))
        self.forget({unit_id})

    def drop(self, unit_ids: Collection[str]) -> None:
        """Remove finished units, and what a kill left of attempts at any."""
        self.tidy()
        for unit_id in unit_ids:
            self.storage.delete(self._name(unit_id))

    def tidy(self) -> None:
        """Remove what a kill left of attempts at finished units."""
        self.forget(self.list_done())

    def forget(self, unit_ids: Collection[str]) -> None:
        """Remove the attempts at units: they are finished, or not to blame."""
        for name in self.storage.list_names(f"attempts/{self.model_id}"):
            if _unit_and_step(name).partition(".")[0] in unit_ids:
                self.storage.delete(name)

    def read(self, unit_id: str) -> pa.Table:
        """Return the rows of a finished unit; SchemaError where the object was damaged."""
        name = self._name(unit_id)
        where = f"{self.storage.uri}/{name}"
        hint = "remove it and run the same command again"
        try:
            rows = self.kind.complete(from_parquet(self.storage.read(name), where))
        except SchemaError as error:
            raise SchemaError(f"{error}: {hint}") from error
        if not rows.schema.equals(self.kind.schema):
            raise SchemaError(f"{where} holds no {self.kind.name} of this version: {hint}")
        return rows

    def _name(self, unit_id: str) -> str:
        return f"journal/{self.model_id}/{unit_id}.parquet"


def _unit_and_step(attempt: str) -> str:
    """Return the unit and the step of an attempt by its name."""
    return attempt.rpartition("/")[2].rpartition("-")[0]


def list_model_ids(storage: Storage, folder: str = "journal") -> set[str]:
    """Return the models that have finished units; or, of the folder `attempts`, begun ones."""
    return {name.split("/")[1] for name in storage.list_names(folder)}
