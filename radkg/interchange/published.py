"""Read what exports need: the rows of a snapshot, its publication time, its reports and drafts.

Rows and reports are read in batches: an archive is never in memory as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from radkg.errors import ConfigError, SnapshotError
from radkg.interchange.documents import read_radgraph
from radkg.run.audit import AuditLog
from radkg.run.drafts import read_drafts, read_visible_drafts
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
        f"{snapshot.storage.uri}, and this format needs it: run the command that published it again"
    )


class PublishedDraft(NamedTuple):
    """A row of the draft table, and where it is from."""

    row: ArrowRow
    snapshot_id: str | None
    """None: it is in none"""
    recorded: datetime
    """when the snapshot was published, or the row made, with time zone"""


class DraftReader:
    """Reads the drafts of studies that come in the order of their ids, some at a time.

    Args:
        uri: of a run of drafts.
        studies: the snapshot that is exported; what is retracted there is left out.

    Raises:
        ConfigError: the drafts are of another archive.
        SnapshotError: no drafts are published there, or the audit log does not say when.
    """

    def __init__(self, uri: str, studies: Snapshot) -> None:
        self._drafts = read_drafts(uri, studies)
        self._recorded = read_publication_time(self._drafts)
        self._tables = read_visible_drafts(self._drafts, studies)
        self._rest = self._drafts.kind.schema.empty_table()
        self.found = 0
        """drafts that were given"""
        self.passed = 0
        """drafts of studies that were not asked for"""

    def read(self, study_ids: Sequence[str]) -> dict[str, PublishedDraft]:
        """Return the drafts of studies by their ids, which are sorted, and follow those before."""
        last = study_ids[-1]
        while not self._rest.num_rows or self._rest["study_id"][-1].as_py() < last:
            table = next(self._tables, None)
            if table is None:
                break
            self._rest = pa.concat_tables([self._rest, table])
        is_before = pc.less_equal(self._rest["study_id"], last)
        near, self._rest = self._rest.filter(is_before), self._rest.filter(pc.invert(is_before))
        rows = near.filter(pc.is_in(near["study_id"], pa.array(study_ids, pa.string()))).to_pylist()
        self.found += len(rows)
        self.passed += near.num_rows - len(rows)
        own = (self._drafts.snapshot_id, self._recorded)
        return {row["study_id"]: PublishedDraft(row, *own) for row in rows}

    def describe(self) -> str:
        """Return how many drafts were given, in words, and how many are of no study of these."""
        self.passed += self._rest.num_rows + sum(table.num_rows for table in self._tables)
        self._rest = self._rest.slice(0, 0)
        left = f"; {self.passed} drafts are of other studies" if self.passed else ""
        return f" with {self.found} drafts{left}"


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
