"""Snapshots: what is published. Content-hashed Parquet parts, a manifest, one pointer written last.

The bytes depend on the rows alone: not on units, workers, kills or time. Rows are sorted by
study_id; a part ends after a study whose id hashes to zero, so one changed study changes one part.
A reader that holds a manifest sees its snapshot whole, whatever is published meanwhile. Of two
drivers that publish at once the last pointer wins, and both snapshots stand whole: they share equal
parts.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from radkg.errors import SnapshotError, StorageError
from radkg.run.kind import EXTRACTIONS, Kind
from radkg.schema.arrow import from_parquet, to_parquet
from radkg.storage import Storage

logger = logging.getLogger(__name__)

POINTER = "snapshot/CURRENT"
CURRENT = "CURRENT"  # names the snapshot that the pointer names
MEAN_PART_ROWS = 8192
_REPAIR = f"remove {POINTER} there and run the same extraction again"
_REPAIR_OLD = "a snapshot that is no longer CURRENT is not written again: name another"


@dataclass(frozen=True)
class Snapshot:
    """A published set of rows of one kind, one row per study."""

    storage: Storage
    snapshot_id: str
    manifest: dict[str, Any]
    kind: Kind = EXTRACTIONS

    @property
    def archive(self) -> str:
        """Name of the archive that was read."""
        return str(self.manifest["archive"])

    @property
    def extractor(self) -> str:
        """Name of the extractor that read it."""
        return str(self.manifest["extractor"])

    @property
    def num_studies(self) -> int:
        """Rows in all parts."""
        return int(self.manifest["num_studies"])

    @property
    def parts(self) -> list[str]:
        """The hashes of the parts, in the order of their studies: equal hashes, equal rows."""
        return [str(part["sha256"]) for part in self.manifest["parts"]]

    def read_tables(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """Yield the parts, sorted by study_id within and across parts.

        Args:
            columns: names of those that are wanted; None: all.

        Raises:
            SnapshotError: a part is missing or its bytes are not the published ones.
        """
        yield from (self.read_part(part, columns) for part in self.parts)

    def read_part(self, part: str, columns: Sequence[str] | None = None) -> pa.Table:
        """Return one part, sorted by study_id, or some columns of it.

        Raises:
            SnapshotError: it is missing or its bytes are not the published ones.
        """
        name = name_part(part)
        where = f"{self.storage.uri}/{name}"
        try:
            data = self.storage.read(name)
        except StorageError as error:
            raise SnapshotError(f"published part is gone: {error}: {self._repair()}") from error
        if hashlib.sha256(data).hexdigest() != part:
            raise SnapshotError(
                f"published part {where} was changed after it was written: {self._repair()}"
            )
        rows = from_parquet(data, where, columns)
        return self.kind.complete(rows) if columns is None else rows

    def _repair(self) -> str:
        return _REPAIR if _pointer(self.storage) == self.snapshot_id else _REPAIR_OLD


def publish(storage: Storage, rows: pa.Table, kind: Kind = EXTRACTIONS) -> Snapshot:
    """Publish the rows, which must hold each study once; the pointer is the last write.

    What stands already is not written again: publishing the same rows twice touches nothing.
    Parts and manifest are put only where none stands. Their names are the hashes of their bytes,
    so other bytes under such a name are damage: publish replaces them, with a warning. In the end,
    publish removes what killed runs left half written.

    Raises:
        SnapshotError: there is no row, or a study stands twice.
        StorageError: something cannot be written; the pointer names what it named before.
    """
    rows = rows.sort_by("study_id").cast(kind.schema)
    study_ids = rows["study_id"].to_pylist()
    if not study_ids or len(set(study_ids)) != len(study_ids):
        raise SnapshotError(f"cannot publish {len(study_ids)} rows: each study must stand once")
    parts = {}
    for start, end in _cuts(study_ids):
        data = to_parquet(rows.slice(start, end - start))
        parts[hashlib.sha256(data).hexdigest()] = (end - start, data)
    manifest = _manifest(kind, rows, [{"sha256": key, "rows": n} for key, (n, _) in parts.items()])
    text = json.dumps(manifest, indent=1, sort_keys=True) + "\n"
    snapshot_id = hashlib.sha256(text.encode()).hexdigest()[:16]
    standing = set(storage.list_names("snapshot"))
    objects = {name_part(key): data for key, (_, data) in parts.items()}
    for name, data in (objects | {name_manifest(snapshot_id): text.encode()}).items():
        good = storage.read(name) == data if name in standing else storage.create(name, data)
        if not good:
            logger.warning("%s/%s was damaged: it is written again", storage.uri, name)
            storage.write(name, data)
    if _pointer(storage) != snapshot_id:
        storage.write(POINTER, f"{snapshot_id}\n".encode())
    storage.sweep()
    return Snapshot(storage, snapshot_id, manifest, kind)


def read_snapshot(
    storage: Storage, snapshot_id: str = CURRENT, kind: Kind = EXTRACTIONS
) -> Snapshot:
    """Return a snapshot that was published here: by its id, or the one that the pointer names.

    Raises:
        SnapshotError: nothing is published, no snapshot has this id, its manifest was changed, or
            its rows are of another kind.
    """
    if snapshot_id == CURRENT:
        found = _pointer(storage)
        if found is None:
            raise SnapshotError(
                f"nothing is published under {storage.uri}: run `radkg extract` first"
            )
        what, repair = f"{storage.uri}/{POINTER} names {found!r}", _REPAIR
    else:
        found = snapshot_id
        what = f"no snapshot {found!r} under {storage.uri}"
        repair = f"known: {', '.join([CURRENT, *list_snapshot_ids(storage)])}"
    name = name_manifest(found)
    text = b""
    if re.fullmatch("[0-9a-f]{16}", found) and storage.exists(name):
        text = storage.read(name)
    if hashlib.sha256(text).hexdigest()[:16] != found:
        raise SnapshotError(f"{what}: its manifest is missing or was changed: {repair}")
    manifest = json.loads(text)
    published = manifest.get("kind", EXTRACTIONS.name)
    if published != kind.name:
        raise SnapshotError(
            f"snapshot {found} under {storage.uri} holds {published}, not {kind.name}: name a run "
            f"that published {kind.name}"
        )
    return Snapshot(storage, found, manifest, kind)


def name_manifest(snapshot_id: str) -> str:
    """Return the name of a snapshot's manifest."""
    return f"snapshot/manifest-{snapshot_id}.json"


def name_part(part: str) -> str:
    """Return the name of a part by its hash."""
    return f"snapshot/parts/{part}.parquet"


def list_snapshot_ids(storage: Storage) -> list[str]:
    """Return the ids of all manifests that stand, sorted: which is older, they do not say."""
    names = (
        re.search("/manifest-([0-9a-f]{16})[.]json$", n) for n in storage.list_names("snapshot")
    )
    return sorted(name[1] for name in names if name)


def _pointer(storage: Storage) -> str | None:
    if not storage.exists(POINTER):
        return None
    return storage.read(POINTER).decode("ascii", "replace").strip()


def _cuts(study_ids: list[str]) -> list[tuple[int, int]]:
    ends = [
        i + 1
        for i, study_id in enumerate(study_ids)
        if int.from_bytes(hashlib.blake2b(study_id.encode(), digest_size=4).digest(), "big")
        % MEAN_PART_ROWS
        == 0
    ]
    ends = [*ends, len(study_ids)] if not ends or ends[-1] != len(study_ids) else ends
    return list(zip([0, *ends[:-1]], ends, strict=True))


def _manifest(kind: Kind, rows: pa.Table, parts: list[dict[str, Any]]) -> dict[str, Any]:
    manifest = {
        "schema_version": kind.version,
        "num_studies": rows.num_rows,
        "parts": parts,
        **{column: _shared_value(rows, column) for column in kind.shared},
        **kind.count(rows),
    }
    # the manifests of extractions are older than kinds, and their ids must stay
    return manifest if kind.name == EXTRACTIONS.name else manifest | {"kind": kind.name}


def _shared_value(rows: pa.Table, column: str) -> str:
    values = pc.unique(rows[column]).to_pylist()
    if len(values) != 1:
        raise SnapshotError(
            f"{column} differs between rows ({', '.join(map(str, sorted(values)))}): publish "
            "one archive, extractor and model at a time"
        )
    return str(values[0])
