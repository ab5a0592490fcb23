"""A published snapshot to a RadGraph JSON file, and a RadGraph JSON file to a snapshot."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from radkg.archive import open_archive
from radkg.errors import ConfigError, SchemaError, SnapshotError, StorageError
from radkg.run import audit
from radkg.run.settings import ExtractConfig, read_config, save_config
from radkg.run.snapshot import Snapshot, publish, read_snapshot
from radkg.schema.arrow import from_table, to_table
from radkg.schema.radgraph import SPELLINGS, Document, from_document, to_document
from radkg.schema.records import Study
from radkg.storage import LocalStorage, Storage

IMPORTED = "radgraph.json"  # the file that was imported: what holds the reports of its snapshot


def export_radgraph(storage: Storage, file: Path, spelling: str = "v1") -> int:
    """Write every published study as one document; return how many.

    The reports are read again from where the snapshot has them: an archive, or an imported file.

    Raises:
        SnapshotError: nothing is published, or the reports are not those that were extracted.
    """
    if spelling not in SPELLINGS:
        raise ConfigError(f"no label spelling {spelling!r}: known: {', '.join(SPELLINGS)}")
    snapshot = read_snapshot(storage)
    config = read_config(storage)
    reports, extras = _imported(storage) if config.archive == IMPORTED else _archived(config)
    documents = {}
    for table in snapshot.tables():
        for row in from_table(table):
            fingerprint, report = reports.get(row.study_id, ("", ""))
            if row.status != "failed" and fingerprint != row.study_fingerprint:
                raise SnapshotError(
                    f"study {row.study_id} of {config.archive} is not the one that was extracted: "
                    "run the extraction again"
                )
            extra = extras.get(row.study_id)
            documents[row.study_id] = to_document(row, report, spelling, extra)
    text = json.dumps(documents, indent=1, ensure_ascii=False) + "\n"
    LocalStorage(file.resolve().parent).write(file.name, text.encode())
    return len(documents)


def import_radgraph(file: Path, storage: Storage) -> Snapshot:
    """Publish the documents of a RadGraph JSON file as they are, ready to be loaded.

    Raises:
        SchemaError: the file is not RadGraph JSON; the message names the document.
        SnapshotError: there is no document, or they are of several archives or extractors.
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        raise StorageError(f"cannot read {file}: {error.strerror}") from error
    documents = read_radgraph(data, str(file))
    if not documents:
        raise SnapshotError(f"{file} holds no document: nothing was published")
    rows = [document.extraction for document in documents]
    storage.write(IMPORTED, data)
    config = ExtractConfig(archive=IMPORTED, out=storage.uri, extractor=rows[0].extractor)
    save_config(config, storage, IMPORTED)
    snapshot = publish(storage, to_table(rows))
    facts = {"input": hashlib.sha256(data).hexdigest(), "snapshot_id": snapshot.snapshot_id}
    audit.record(storage, "import", facts | {"rows": snapshot.num_studies})
    return snapshot


def read_radgraph(data: bytes, name: str) -> list[Document]:
    """Return the documents of a RadGraph JSON file, in order; `name` is for the message."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError(f"a key stands twice among {list(found)[:5]}")
        return found

    try:
        documents = json.loads(data, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise SchemaError(f"{name} is not JSON: {error}") from error
    if not isinstance(documents, dict):
        raise SchemaError(f"{name} is not RadGraph JSON: an object of documents is expected")
    return [from_document(key, document) for key, document in documents.items()]


Reports = dict[str, tuple[str, str]]  # study_id -> fingerprint and report


def _archived(config: ExtractConfig) -> tuple[Reports, Mapping[str, Mapping[str, Any]]]:
    archive = open_archive(config.archive, config.images)
    found = archive.read(archive.index().to_pylist())
    return {s.study_id: (s.fingerprint, s.report) for s in found if isinstance(s, Study)}, {}


def _imported(storage: Storage) -> tuple[Reports, Mapping[str, Mapping[str, Any]]]:
    documents = read_radgraph(storage.read(IMPORTED), f"{storage.uri}/{IMPORTED}")
    reports = {}
    for document in documents:
        row = document.extraction
        reports[row.study_id] = (row.study_fingerprint, document.report)
    return reports, {d.extraction.study_id: d.extra for d in documents}
