"""A published snapshot to a RadGraph JSON file, and a RadGraph JSON file to a snapshot."""

from __future__ import annotations

import json
from pathlib import Path

from radkg.archive import open_archive
from radkg.errors import ConfigError, SchemaError, SnapshotError, StorageError
from radkg.run.snapshot import Snapshot, publish, read_snapshot
from radkg.schema.arrow import from_table, to_table
from radkg.schema.radgraph import SPELLINGS, Document, from_document, to_document
from radkg.schema.records import Study
from radkg.storage import LocalStorage, Storage


def export_radgraph(storage: Storage, file: Path, spelling: str = "v1") -> int:
    """Write every published study as one document; return how many.

    The reports are read again from the archive that the run's config.json names.

    Raises:
        SnapshotError: nothing is published, or the archive is not the one that was extracted.
    """
    if spelling not in SPELLINGS:
        raise ConfigError(f"no label spelling {spelling!r}: known: {', '.join(SPELLINGS)}")
    snapshot = read_snapshot(storage)
    config = json.loads(storage.read("config.json"))
    archive = open_archive(config["archive"], config["images"])
    records = archive.index().to_pylist()
    studies = {s.study_id: s for s in archive.read(records) if isinstance(s, Study)}
    documents = {}
    for table in snapshot.tables():
        for row in from_table(table):
            study = studies.get(row.study_id)
            if row.status != "failed" and (
                study is None or study.fingerprint != row.study_fingerprint
            ):
                raise SnapshotError(
                    f"study {row.study_id} of {archive.uri} is not the one that was extracted: "
                    "run the extraction again"
                )
            report = study.report if study else ""
            documents[row.study_id] = to_document(row, report, spelling)
    text = json.dumps(documents, indent=1, ensure_ascii=False) + "\n"
    LocalStorage(file.resolve().parent).write(file.name, text.encode())
    return len(documents)


def import_radgraph(file: Path, storage: Storage) -> Snapshot:
    """Publish the documents of a RadGraph JSON file as they are, ready to be loaded.

    Raises:
        SchemaError: the file is not RadGraph JSON; the message names the document.
    """
    rows = [document.extraction for document in read_radgraph(file)]
    return publish(storage, to_table(rows))


def read_radgraph(file: Path) -> list[Document]:
    """Return the documents of a RadGraph JSON file, in order."""
    try:
        documents = json.loads(file.read_bytes())
    except OSError as error:
        raise StorageError(f"cannot read {file}: {error.strerror}") from error
    except ValueError as error:
        raise SchemaError(f"{file} is not JSON: {error}") from error
    if not isinstance(documents, dict):
        raise SchemaError(f"{file} is not RadGraph JSON: an object of documents is expected")
    return [from_document(key, document) for key, document in documents.items()]
