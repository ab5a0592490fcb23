"""A run: the directory, or the prefix of S3, in which everything of one extraction stands."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from radkg.errors import ConfigError
from radkg.run import names, snapshot
from radkg.run.audit import AuditLog
from radkg.run.journal import Journal
from radkg.run.kind import EXTRACTIONS, Kind
from radkg.run.settings import ExtractConfig, read_config
from radkg.run.snapshot import CURRENT, Snapshot
from radkg.storage import LocalStorage, open_storage


class Run:
    """What stands under one `--out`.

    Args:
        uri: a local directory, or s3://bucket/prefix.
        kind: of the rows that the run publishes.

    Raises:
        StorageError: the address is neither.
    """

    def __init__(self, uri: str, kind: Kind = EXTRACTIONS) -> None:
        self.storage = open_storage(uri)
        self.uri = self.storage.uri
        """made absolute"""
        self.kind = kind
        self.audit = AuditLog(self.storage)

    @property
    def config(self) -> ExtractConfig:
        """The settings of what is published; SnapshotError where they are missing or damaged."""
        return read_config(self.storage, ExtractConfig)

    def open_journal(self, model_id: str) -> Journal:
        """Return the finished units of one model."""
        return Journal(self.storage, model_id, self.kind)

    def publish(self, rows: pa.Table) -> Snapshot:
        """Publish rows, as `radkg.run.snapshot.publish` does."""
        return snapshot.publish(self.storage, rows, self.kind)

    def read_snapshot(self, snapshot_id: str = CURRENT) -> Snapshot:
        """Return a snapshot by its whole id, or the one that is published now.

        Raises:
            SnapshotError: there is none, or its bytes are not the published ones.
        """
        return snapshot.read_snapshot(self.storage, snapshot_id, self.kind)

    def find_snapshot(self, name: str) -> Snapshot:
        """Return a snapshot as a person names it: an id, the beginning of one, or a date."""
        return names.find_snapshot(name, self.storage)

    def list_snapshot_ids(self) -> list[str]:
        """Return the ids of the snapshots that stand, sorted."""
        return snapshot.list_snapshot_ids(self.storage)

    @property
    def directory(self) -> Path | None:
        """The run's directory; None where the run stands on S3."""
        return self.storage.root if isinstance(self.storage, LocalStorage) else None

    @property
    def graph_store(self) -> Path:
        """Directory of the embedded graph, whether or not it stands.

        Raises:
            ConfigError: the run stands on S3.
        """
        if self.directory is None:
            raise ConfigError(
                f"the embedded graph needs a local --out, not {self.uri}: give --graph ADDRESS"
            )
        return self.directory / "graph"
