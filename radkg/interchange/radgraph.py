"""Write a published snapshot as a RadGraph JSON file, and publish a RadGraph JSON file."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from radkg.errors import ConfigError, SnapshotError, StorageError
from radkg.interchange.documents import read_radgraph
from radkg.interchange.published import ReportReader
from radkg.run.audit import AuditLog
from radkg.run.pseudonyms import check_pseudonyms
from radkg.run.retractions import hide_retracted
from radkg.run.settings import ExtractConfig, save_config
from radkg.run.snapshot import Snapshot, publish, read_snapshot
from radkg.run.studies import IMPORTED
from radkg.schema.arrow import from_table, to_table
from radkg.schema.radgraph import SPELLINGS, to_document
from radkg.storage import LocalStorage, Storage


def export_radgraph(storage: Storage, file: Path, spelling: str = "v1") -> int:
    """Write every visible study as one document; return the number of documents.

    The reports are read again, from the archive of the snapshot or from the imported file.

    Raises:
        ConfigError: there is no such spelling of labels.
        SnapshotError: nothing is published, or a report differs from the one that was extracted.
    """
    if spelling not in SPELLINGS:
        raise ConfigError(f"no label spelling {spelling!r}: known: {', '.join(SPELLINGS)}")
    snapshot = read_snapshot(storage)
    reports = ReportReader(storage)
    documents = {}
    for table in hide_retracted(snapshot).read_tables():
        extractions = from_table(table)
        texts = reports.read(table.to_pylist())
        for row in extractions:
            extra = reports.extras.get(row.study_id)
            documents[row.study_id] = to_document(row, texts[row.study_id], spelling, extra)
    text = json.dumps(documents, indent=1, ensure_ascii=False) + "\n"
    LocalStorage(file.resolve().parent).write(file.name, text.encode())
    return len(documents)


def import_radgraph(file: Path, storage: Storage) -> Snapshot:
    """Publish the documents of a RadGraph JSON file as they are, ready to be loaded.

    Raises:
        ConfigError: the ids of the run are pseudonyms, and those of a file are not.
        SchemaError: the file is not RadGraph JSON; the message names the document.
        SnapshotError: the file has no document, or documents of several archives or extractors.
        StorageError: the file cannot be read.
    """
    check_pseudonyms(None, storage)
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
    AuditLog(storage).record("import", facts | {"rows": snapshot.num_studies})
    return snapshot
