"""Extractions and the index as Arrow tables: explicit schemas, rows from records, Parquet bytes.

Field metadata says what a column holds, its unit and whether it can identify a person (`phi`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from radkg.errors import SchemaError
from radkg.schema.records import Entity, Extraction, Relation

SCHEMA_VERSION = "2"
READABLE = ("1", SCHEMA_VERSION)  # of snapshots: what an older one lacks is unknown


def make_field(
    name: str, kind: pa.DataType, doc: str, *, null: bool = False, phi: str = "no"
) -> pa.Field:
    """Return a field that says what it holds, and whether it can identify a person."""
    return pa.field(name, kind, nullable=null, metadata={"doc": doc, "phi": phi})


IMAGE = pa.struct(
    [
        make_field("image_id", pa.string(), "id of the image in its archive", phi="id"),
        make_field(
            "view_position", pa.string(), "PA, AP, LATERAL, ...; null where unknown", null=True
        ),
        make_field("location", pa.string(), "file or object; null where not at hand", null=True),
    ]
)

FURTHER_ROW = pa.struct(
    [
        make_field("member", pa.string(), "name of the row inside the source"),
        make_field("offset", pa.int64(), "as in the index"),
        make_field("length", pa.int64(), "as in the index"),
        make_field("content", pa.string(), "hash of the row's bytes"),
    ]
)

ENTITY = pa.struct(
    [
        make_field("text", pa.string(), "the words of the report", phi="text"),
        make_field("label", pa.string(), "ANAT-DP, OBS-DP, OBS-U or OBS-DA (RadGraph)"),
        make_field("concept", pa.string(), "canonical name"),
        make_field(
            "start", pa.int32(), "character offset into report; null: from the image", null=True
        ),
        make_field("end", pa.int32(), "character offset into report, exclusive", null=True),
        make_field("section", pa.string(), "section of the report", null=True),
        make_field("source", pa.string(), "report or image"),
        make_field("confidence", pa.float64(), "probability in [0, 1]"),
    ]
)

RELATION = pa.struct(
    [
        make_field("head", pa.int32(), "index into entities"),
        make_field("tail", pa.int32(), "index into entities"),
        make_field("relation", pa.string(), "modify, located_at or suggestive_of (RadGraph)"),
        make_field("confidence", pa.float64(), "probability in [0, 1]"),
    ]
)

_WHO = [
    make_field("study_id", pa.string(), "one imaging event", phi="id"),
    make_field("subject_id", pa.string(), "the patient, as the archive names them", phi="id"),
    make_field("archive", pa.string(), "name of the archive"),
    make_field("study_date", pa.date32(), "null where unknown", null=True, phi="date"),
]

_OF_PATIENT = [
    make_field(
        "age",
        pa.int32(),
        "full years at the study, 90: 90 or more; null where unknown",
        null=True,
    ),
    make_field("sex", pa.string(), "female, male or other; null where unknown", null=True),
]

INDEX_SCHEMA = pa.schema(
    [
        *_WHO,
        make_field("split", pa.string(), "train, validate or test; null where unknown", null=True),
        make_field("source", pa.string(), "file or object that holds the report"),
        make_field("member", pa.string(), "name inside the source"),
        make_field(
            "offset", pa.int64(), "bytes from the start of the uncompressed source; of Parquet rows"
        ),
        make_field("length", pa.int64(), "bytes; of Parquet rows"),
        make_field(
            "images", pa.list_(pa.field("element", IMAGE, nullable=False)), "images of the study"
        ),
        make_field("content", pa.string(), "hash of the record's bytes, checked when it is read"),
        make_field("problem", pa.string(), "why it cannot be read; null: nothing known", null=True),
        make_field("fingerprint", pa.string(), "hash of the report's and the images' bytes"),
        *_OF_PATIENT,
        make_field(
            "study_views",
            pa.list_(pa.field("element", pa.string(), nullable=False)),
            "view positions of the study that are of no image; null: none",
            null=True,
        ),
        make_field(
            "further_rows",
            pa.list_(pa.field("element", FURTHER_ROW, nullable=False)),
            "rows of a table that add to the report, in order; null: none",
            null=True,
        ),
    ],
    metadata={"radkg.table": "index", "radkg.schema_version": SCHEMA_VERSION},
)

EXTRACTION_SCHEMA = pa.schema(
    [
        *_WHO,
        make_field("status", pa.string(), "ok, empty or failed"),
        make_field(
            "reason",
            pa.string(),
            "why the study failed, or what of its report was not read",
            null=True,
        ),
        make_field("entities", pa.list_(pa.field("element", ENTITY, nullable=False)), "mentions"),
        make_field(
            "relations", pa.list_(pa.field("element", RELATION, nullable=False)), "triplets"
        ),
        make_field("extractor", pa.string(), "name of the extractor"),
        make_field(
            "model_id", pa.string(), "hash of weights and config, or of rules and word lists"
        ),
        make_field("condition", pa.string(), "image+report, report or image"),
        make_field("study_fingerprint", pa.string(), "fingerprint of the study that was read"),
        make_field("radkg_version", pa.string(), "version that wrote the row"),
        make_field(
            "view_positions",
            pa.list_(pa.field("element", pa.string(), nullable=False)),
            "PA, AP, LATERAL, ... of its images, each once, sorted; empty where unknown",
        ),
        *_OF_PATIENT,
    ],
    metadata={"radkg.table": "extraction", "radkg.schema_version": SCHEMA_VERSION},
)


def to_table(extractions: Iterable[Extraction]) -> pa.Table:
    """Return one row per extraction, in order, under EXTRACTION_SCHEMA.

    Column by column: by way of one dict per entity it took as long as the extraction itself.
    """
    rows = list(extractions)
    columns = [
        make_nested([getattr(row, field.name) for row in rows], field.type)
        if pa.types.is_list(field.type) and pa.types.is_struct(field.type.value_type)
        else pa.array([getattr(row, field.name) for row in rows], field.type)
        for field in EXTRACTION_SCHEMA
    ]
    return pa.Table.from_arrays(columns, schema=EXTRACTION_SCHEMA)


def make_nested(lists: list[tuple[Any, ...]], kind: pa.ListType) -> pa.ListArray:
    """Return records, a tuple of them per row, as a list column of structs."""
    flat = [record for records in lists for record in records]
    fields = list(kind.value_type)
    values = [pa.array([getattr(r, f.name) for r in flat], f.type) for f in fields]
    offsets = pa.array([0, *itertools.accumulate(map(len, lists))], pa.int32())
    return pa.ListArray.from_arrays(
        offsets, pa.StructArray.from_arrays(values, fields=fields), type=kind
    )


def list_identity_fields() -> list[pa.Field]:
    """Return the fields of every kind of row that say which study it is of."""
    return list(_WHO)


def from_table(table: pa.Table) -> list[Extraction]:
    """Return the extractions of a table; inverse of `to_table`.

    Raises:
        SchemaError: the table has other columns than EXTRACTION_SCHEMA.
    """
    if not table.schema.equals(EXTRACTION_SCHEMA):
        raise SchemaError(
            f"not a table of extractions of schema version {SCHEMA_VERSION}: "
            f"columns {table.schema.names}"
        )
    return [from_row(row) for row in table.to_pylist()]


def from_row(row: dict[str, Any]) -> Extraction:
    """Return one row of the table as an Extraction."""
    return Extraction(
        **{
            **row,
            "entities": tuple(Entity(**entity) for entity in row["entities"]),
            "relations": tuple(Relation(**relation) for relation in row["relations"]),
            "view_positions": tuple(row["view_positions"]),
        }
    )


def complete_columns(rows: pa.Table) -> pa.Table:
    """Return rows of any READABLE version under EXTRACTION_SCHEMA; others as they are."""
    missing = [field for field in EXTRACTION_SCHEMA if field.name not in rows.schema.names]
    if rows.schema.names + [field.name for field in missing] != EXTRACTION_SCHEMA.names:
        return rows
    for field in missing:
        empty = pa.scalar(None if field.nullable else [], field.type)
        rows = rows.append_column(field, pa.repeat(empty, rows.num_rows))
    return rows.cast(EXTRACTION_SCHEMA)


def to_parquet(table: pa.Table) -> bytes:
    """Return the table as Parquet; equal tables give equal bytes (one row group, no time stamp)."""
    sink = pa.BufferOutputStream()
    table = table.combine_chunks()
    pq.write_table(table, sink, compression="zstd", row_group_size=max(1, table.num_rows))
    return bytes(sink.getvalue())


def from_parquet(
    data: bytes,
    name: str,
    columns: Sequence[str] | None = None,
    dictionaries: Sequence[str] | None = None,
) -> pa.Table:
    """Return the table in Parquet bytes, or some of its columns; `name` is for the message.

    `dictionaries` are paths of columns of texts that are read as codes and distinct texts.

    Raises:
        SchemaError: the bytes are no Parquet file.
    """
    try:
        wanted = None if columns is None else list(columns)
        source = pa.BufferReader(_copy_in(data))
        return pq.read_table(source, columns=wanted, read_dictionary=dictionaries)
    except (pa.ArrowInvalid, OSError) as error:
        raise SchemaError(f"{name} is not a Parquet file: {error}") from error


def _copy_in(data: bytes) -> pa.Buffer:
    """Return bytes in Arrow's own memory.

    Arrow's threads let go of what they read some time after the read. An object of Python they can
    free only while the interpreter lives: a process that ends meanwhile would abort
    (apache/arrow#34314, met in 13 of 146 runs of a command that fails right after it read).
    """
    buffer = pa.allocate_buffer(len(data))
    pa.FixedSizeBufferWriter(buffer).write(data)
    return buffer


VERSION = ("study_id", "study_fingerprint")


def list_versions(rows: pa.Table) -> Iterator[tuple[str, str]]:
    """Return (study_id, study_fingerprint) of each row."""
    return zip(*(rows[name].to_pylist() for name in VERSION), strict=True)
