"""The columns of a published part: its studies with their findings and links, derived once.

A file of columns stands beside the snapshots as population/PART-DIGEST.parquet: PART is the hash of
the published part that it is of, DIGEST the hash of its own bytes. So a part that another snapshot
has too is not read again, and a file whose bytes are not those of its name is derived anew. Two
processes that derive one part write the same bytes. `radkg prune` removes the columns of parts that
are gone.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Iterator

import pyarrow as pa

from radkg.errors import SchemaError, StorageError
from radkg.population.links import LINK, list_links, list_others
from radkg.progress import Advance
from radkg.run.snapshot import Snapshot
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
    snapshot: Snapshot, advance: Advance | None = None, without: Collection[str] = ()
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
    standing = _list_standing(snapshot.storage)
    parts = [part for part in snapshot.parts if part not in without]
    for number, part in enumerate(parts, 1):
        found = _read_standing(snapshot.storage, standing[part]) if part in standing else None
        yield found or _keep(snapshot, part)
        if advance is not None:
            advance(number, len(parts))


def build_columns(snapshot: Snapshot, advance: Advance | None = None) -> int:
    """Derive the columns that are missing, without reading those that stand; return how many.

    Raises:
        SnapshotError: a published part that must be read is missing or was changed.
    """
    standing = _list_standing(snapshot.storage)
    missing = [part for part in snapshot.parts if part not in standing]
    for number, part in enumerate(missing, 1):
        _keep(snapshot, part)
        if advance is not None:
            advance(number, len(missing))
    return len(missing)


def remove_columns(storage: Storage, parts: Collection[str]) -> int:
    """Remove the columns of all parts but these; return how many files went."""
    gone = [name for name in storage.list_names(FOLDER) if _split_name(name)[0] not in parts]
    for name in gone:
        storage.delete(name)
    return len(gone)


def derive_columns(rows: pa.Table) -> pa.Table:
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
        SchemaError: the bytes hold no columns of this version.
    """
    rows = from_parquet(data, name, dictionaries=_CODED)
    if (rows.schema.metadata or {}).get(_VERSION) != VERSION:
        raise SchemaError(f"{name} holds no columns of version {VERSION.decode()}")
    return rows


def _keep(snapshot: Snapshot, part: str) -> pa.Table:
    """Derive the columns of a part and write them; a run that cannot be written is still read."""
    data = to_parquet(derive_columns(snapshot.read_part(part)))
    name = f"{FOLDER}/{part}-{hashlib.sha256(data).hexdigest()}.parquet"
    try:
        if not snapshot.storage.create(name, data):
            snapshot.storage.write(name, data)
    except StorageError as error:
        logger.warning("the columns of the population are not kept: %s", error)
    return parse_columns(data, name)


def _list_standing(storage: Storage) -> dict[str, str]:
    """Return the names of the files of columns by the hash of their part."""
    return {_split_name(name)[0]: name for name in storage.list_names(FOLDER)}


def _read_standing(storage: Storage, name: str) -> pa.Table | None:
    """Return the columns in a file; None where they must be derived anew."""
    data = storage.read(name)
    if hashlib.sha256(data).hexdigest() != _split_name(name)[1]:
        logger.warning("%s/%s was damaged: it is derived again", storage.uri, name)
        return None
    try:
        found = parse_columns(data, f"{storage.uri}/{name}")
    except SchemaError:
        return None
    return found


def _split_name(name: str) -> tuple[str, str]:
    """Return the hash of the part and that of the file's own bytes."""
    part, _, digest = name.removeprefix(f"{FOLDER}/").removesuffix(".parquet").partition("-")
    return part, digest
