"""Read what exports need: the rows of a snapshot, its publication time, and its reports.

Rows and reports are read in batches: an archive is never in memory as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from radkg.errors import ConfigError, SnapshotError
from radkg.interchange.documents import read_radgraph
from radkg.run.audit import AuditLog
from radkg.run.retractions import hide_retracted
from radkg.run.settings import ExtractConfig, read_config
from radkg.run.snapshot import Snapshot
from radkg.run.studies import IMPORTED, StudyReader
from radkg.storage import Storage

ArrowRow = Mapping[str, Any]
"""a row of an Arrow table as Python values: a study, a finding or an entity"""

_BATCH_STUDIES = 1000


def read_batches(snapshot: Snapshot, study: str | None = None) -> Iterator[pa.RecordBatch]:
    """Yield the visible rows of a snapshot in batches, sorted by study_id, or one study's row.

    Raises:
        ConfigError: the snapshot has no such study, or the study is retracted.
        SnapshotError: published bytes were changed.
    """
    found = 0
    for table in hide_retracted(snapshot).read_tables():
        if study is not None:
            table = table.filter(pc.equal(table["study_id"], study))
        for batch in table.to_batches(max_chunksize=_BATCH_STUDIES):
            if batch.num_rows:
                found += batch.num_rows
                yield batch
    if study is not None and not found:
        raise ConfigError(f"no study {study!r} is published under {snapshot.storage.uri}")


def read_publication_time(snapshot: Snapshot) -> datetime:
    """Return when a snapshot was first published, according to the audit log.

    Raises:
        SnapshotError: no line of the audit log names this snapshot.
    """
    for line in AuditLog(snapshot.storage).read_lines():
        if line.get("snapshot_id") == snapshot.snapshot_id:
            return datetime.fromisoformat(line["time"])
    raise SnapshotError(
        f"when {snapshot.snapshot_id} was published is not in the audit log of "
        f"{snapshot.storage.uri}, and this format needs it: run the same extraction again"
    )


class ReportReader:
    """Reads the reports of a snapshot again, from its archive or from an imported file."""

    def __init__(self, storage: Storage) -> None:
        config = read_config(storage, ExtractConfig)
        self._name = config.archive
        self.extras: dict[str, Mapping[str, Any]] = {}
        """further keys of each imported document, by study_id"""
        self._documents: dict[str, tuple[str, str]] = {}
        if config.archive == IMPORTED:
            data = storage.read(IMPORTED)
            for document in read_radgraph(data, f"{storage.uri}/{IMPORTED}"):
                row = document.extraction
                self._documents[row.study_id] = (row.study_fingerprint, document.report)
                self.extras[row.study_id] = document.extra
        else:
            self._reader = StudyReader(storage)

    def read(self, rows: Sequence[ArrowRow]) -> dict[str, str]:
        """Return the report of each row by study_id; it may be empty for a failed study.

        Raises:
            SnapshotError: a report differs from the one that was extracted.
        """
        found = self._documents or self._read([row["study_id"] for row in rows])
        reports = {}
        for row in rows:
            fingerprint, report = found.get(row["study_id"], ("", ""))
            if row["status"] != "failed" and fingerprint != row["study_fingerprint"]:
                raise SnapshotError(
                    f"study {row['study_id']} of {self._name} is not the one that was extracted: "
                    "run the extraction again"
                )
            reports[row["study_id"]] = report
        return reports

    def _read(self, study_ids: list[str]) -> dict[str, tuple[str, str]]:
        studies = self._reader.read_studies(study_ids)
        return {i: (study.fingerprint, study.report) for i, study in studies.items()}
