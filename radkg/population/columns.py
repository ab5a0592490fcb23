"""The columns of a published part: its studies with their findings and links, derived once.

A file of columns stands beside the snapshots (kept.py), under the hash of the published part that
it is of. So a part that another snapshot has too is not read again. `radkg prune` removes the
columns of parts that are gone.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from radkg.errors import StorageError
from radkg.population.kept import keep, list_kept, read_kept, remove_kept
from radkg.population.links import LINK, list_links, list_others
from radkg.progress import Advance, ignore
from radkg.run.changes import Changes
from radkg.run.snapshot import Snapshot, name_part
from radkg.schema.arrow import EXTRACTION_SCHEMA, from_parquet, to_parquet
from radkg.schema.findings import FINDING, list_findings
from radkg.storage import Storage

logger = logging.getLogger(__name__)

FOLDER = "population"
_VERSION = b"radkg.population"
VERSION = b"1"  # of what is derived: another one is derived anew

FINDING_COLUMNS = (
    *("name", "label", "confidence", "mentions", "present", "absent"),
    *("modifiers", "sites", "site_modifiers"),
)
_STUDY_COLUMNS = (
    *("study_id", "subject_id", "study_date", "status", "reason", "condition"),
    *("view_positions", "age", "sex"),
)
_FINDINGS = pa.list_(pa.struct([FINDING.field(name) for name in FINDING_COLUMNS]))
COLUMNS = pa.schema(
    [
        *(EXTRACTION_SCHEMA.field(name) for name in _STUDY_COLUMNS),
        pa.field("findings", _FINDINGS),
        pa.field("links", pa.list_(LINK)),
        pa.field("others", pa.list_(pa.string())),
    ],
    metadata={_VERSION: VERSION},
)
_TEXTS = tuple(
    f"{path}.list.element"
    for path in ("view_positions", *(f"findings.list.element.{n}" for n in FINDING_COLUMNS[-3:]))
)
_CODED = (
    *("subject_id", "status", "reason", "condition", "sex"),
    *("findings.list.element.name", "findings.list.element.label"),
    *(f"links.list.element.{name}" for name in LINK.names),
    "others.list.element",
    *_TEXTS,
)
_AT_A_TIME = 5_000  # studies whose mentions are in memory


def read_columns(
    snapshot: Snapshot, advance: Advance = ignore, without: Collection[str] = ()
) -> Iterator[pa.Table]:
    """Yield the columns of the parts of a snapshot, in the order of their studies: `parse_columns`.

    What is missing is derived from the published part, and kept.

    Args:
        snapshot: of extractions.
        advance: is told how many parts are read, of how many.
        without: parts that are left out.

    Raises:
        SnapshotError: a published part that must be read is missing or was changed.
    """
    standing = list_kept(snapshot.storage, FOLDER)
    parts = [part for part in snapshot.parts if part not in without]
    for number, part in enumerate(parts, 1):
        data = read_kept(snapshot.storage, standing.get(part), _is_readable)
        if data is None:
            data = _write(snapshot, part, compute_columns(snapshot.read_part(part)))
        yield parse_columns(data, part)
        advance(number, len(parts))


def build_columns(
    snapshot: Snapshot,
    advance: Advance = ignore,
    before: Snapshot | None = None,
    changes: Changes | None = None,
) -> int:
    """Derive the columns that are missing, without reading those that stand; return how many.

    Args:
        snapshot: of extractions.
        advance: is told how many parts are done, of how many.
        before: an earlier snapshot of the archive, whose columns stand.
        changes: from `before` to `snapshot`: rows that did not change keep their columns.

    Raises:
        SnapshotError: a published part that must be read is missing or was changed.
    """
    standing = list_kept(snapshot.storage, FOLDER)
    missing = [part for part in snapshot.parts if part not in standing]
    kept = _keep_unchanged(snapshot, before, changes, standing) if missing else None
    for number, part in enumerate(missing, 1):
        columns = None
        if kept is not None and changes is not None:
            ids = snapshot.read_part(part, ["study_id"])["study_id"].combine_chunks()
            came = compute_columns(_select(changes.after, ids))
            columns = pa.concat_tables([_select(kept, ids), came]).sort_by("study_id")
            if columns.num_rows != len(ids):  # the changes are of other snapshots
                columns = None
        if columns is None:
            columns = compute_columns(snapshot.read_part(part))
        _write(snapshot, part, columns)
        advance(number, len(missing))
    return len(missing)


def remove_columns(storage: Storage) -> int:
    """Remove the columns of parts that are no longer published; return how many files went."""
    parts = set(storage.list_names("snapshot/parts"))
    return remove_kept(storage, FOLDER, lambda part: name_part(part) in parts)


def compute_columns(rows: pa.Table) -> pa.Table:
    """Return the columns of rows of the extraction table, under COLUMNS."""
    tables = []
    for batch in rows.to_batches(max_chunksize=_AT_A_TIME):
        findings = list_findings(batch, FINDING_COLUMNS)
        arrays = [*(batch[name] for name in _STUDY_COLUMNS), findings]
        arrays += [list_links(batch), list_others(batch, findings)]
        tables.append(pa.Table.from_arrays(arrays, schema=COLUMNS))
    return pa.concat_tables(tables or [COLUMNS.empty_table()])


def parse_columns(data: bytes, name: str) -> pa.Table:
    """Return the columns in Parquet bytes, texts that repeat as codes; `name` is for the message.

    Raises:
        SchemaError: the bytes are no Parquet file.
    """
    return from_parquet(data, name, dictionaries=_CODED)


def _write(snapshot: Snapshot, part: str, columns: pa.Table) -> bytes:
    """Write the columns of a part; a run that cannot be written to is still read."""
    data = to_parquet(columns)
    try:
        keep(snapshot.storage, FOLDER, part, "parquet", data)
    except StorageError as error:
        logger.warning("the columns of the population are not kept: %s", error)
    return data


def _keep_unchanged(
    snapshot: Snapshot,
    before: Snapshot | None,
    changes: Changes | None,
    standing: Mapping[str, str],
) -> pa.Table | None:
    """Return the columns of the studies that did not change, of parts that are others now.

    None where nothing is known of the earlier snapshot, or not all of its columns stand.
    """
    if before is None or changes is None:
        return None
    tables = [COLUMNS.empty_table()]
    for part in before.parts:
        if part in snapshot.parts:
            continue
        data = read_kept(snapshot.storage, standing.get(part), _is_readable)
        if data is None:
            return None
        tables.append(from_parquet(data, part).cast(COLUMNS))
    rows = pa.concat_tables(tables)
    changed = changes.before["study_id"].combine_chunks()
    return rows.filter(pc.invert(pc.is_in(rows["study_id"], changed)))


def _select(rows: pa.Table, study_ids: pa.Array) -> pa.Table:
    return rows.filter(pc.is_in(rows["study_id"], study_ids))


def _is_readable(data: bytes) -> bool:
    """Tell whether bytes are columns of this version."""
    metadata = pq.read_schema(pa.BufferReader(data)).metadata or {}
    return metadata.get(_VERSION) == VERSION
