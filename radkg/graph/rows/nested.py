"""What the graph stores of one study, as one nested row: what is loaded, compared and read back.

No database. Nested rows are columns of Arrow (`nest_rows`), from which an import takes its tables,
or objects of Python (`batch_rows`), without nulls, for a null property does not exist in a graph:

    patient, study, extraction    properties of these nodes, Extraction.digest included
    mentions                      properties, and `concept`: the key of the concept it is OF
    relations                     type, head, tail (ordinals of mentions), confidence
    findings                      concept (key), and FINDING_PROPERTIES (schema/findings.py)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from radkg.errors import GraphError
from radkg.graph.rows.digests import compute_digests
from radkg.schema.concepts import get_concept_kind
from radkg.schema.findings import list_findings
from radkg.schema.limits import MAX_KEY_BYTES, MAX_NAME_BYTES

GraphRow = dict[str, Any]

LISTS = ("mentions", "relations", "findings")
FINDING_PROPERTIES = (
    *("label", "confidence", "mentions", "present", "absent", "by_image", "by_report"),
    *("sections", "modifiers", "sites", "site_modifiers", "suggests", "extractor"),
)
"""of HAS_FINDING, so that a question need not walk the mentions of a finding"""
RELATION_TYPES = ("LOCATED_AT", "MODIFY", "SUGGESTIVE_OF")
FORMAT = 4  # part of every digest: a new shape of the graph replaces every study

_AT_A_TIME = 5_000  # studies whose nested columns are in memory
_OBJECTS_AT_A_TIME = 200  # studies that become objects of Python together


@dataclass(frozen=True, kw_only=True)
class BatchSizes:
    """What one transaction takes at most: a server keeps it in memory until it commits."""

    studies: int = 200
    mentions: int = 12_000
    """of its studies, but for a study that has more"""
    edges: int = 5_000
    """relationships that hold sums"""
    piece_rows: int = 8_192
    """rows of a difference that another process reads at once; a published part has as many"""


def build_ledger_key(archive: str, extractor: str) -> str:
    """Return Load.key."""
    (key,) = check_keys(pa.array([f"{archive}|{extractor}"])).to_pylist()
    return str(key)


def build_concept(key: str) -> GraphRow:
    """Return the properties of the Concept with this key, "<kind>:<name>"."""
    kind, _, name = key.partition(":")
    return {"key": key, "name": name, "kind": kind}


def add_digests(table: pa.Table) -> pa.Table:
    """Return rows of the extraction table with their digests as one column more, `digest`.

    A digest is of all that the graph holds of the study: of the row, and by FORMAT of what is made
    of it.
    """
    return table.append_column("digest", compute_digests(table, FORMAT))


def nest_rows(table: pa.Table) -> Iterator[pa.RecordBatch]:
    """Yield the nested rows of a table with digests, with nulls, some thousands at a time.

    Raises:
        GraphError: an id or a concept is too long to be a key.
    """
    for rows in table.to_batches(max_chunksize=_AT_A_TIME):
        patient = check_keys(_join(rows["archive"], rows["subject_id"], "/"))
        study = check_keys(_join(rows["archive"], rows["study_id"], "/"))
        extraction = check_keys(_join(study, rows["extractor"], "|"))
        views = rows["view_positions"]
        some = pc.greater(pc.list_value_length(views), 0)
        names = ("model_id", "condition", "status", "reason", "study_fingerprint", "radkg_version")
        columns = {
            "patient": _build_struct(key=patient, **_select(rows, "subject_id", "archive")),
            "study": _build_struct(
                key=study,
                **_select(rows, "study_id", "archive", "study_date", "age", "sex"),
                view_positions=pc.if_else(some, views, None),
            ),
            "extraction": _build_struct(
                key=extraction, **_select(rows, "extractor", *names, "digest")
            ),
            "mentions": _nest_mentions(rows["entities"]),
            "relations": _nest_relations(rows["relations"]),
            "findings": list_findings(rows, ("concept", *FINDING_PROPERTIES)),
        }
        yield pa.RecordBatch.from_pydict(columns)


def batch_rows(
    tables: Iterable[pa.Table], sizes: BatchSizes | None = None
) -> Iterator[list[GraphRow]]:
    """Yield the rows of extraction tables, as many at a time as one transaction takes."""
    sizes = sizes or BatchSizes()
    batch: list[GraphRow] = []
    mentions = 0
    for row in _make_rows(tables):
        full = mentions + len(row["mentions"]) > sizes.mentions
        if batch and (full or len(batch) == sizes.studies):
            yield batch
            batch, mentions = [], 0
        batch.append(row)
        mentions += len(row["mentions"])
    if batch:
        yield batch


def batch_columns(
    tables: Iterable[pa.Table], sizes: BatchSizes | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield the nested rows of extraction tables, as many at a time as one transaction takes."""
    sizes = sizes or BatchSizes()
    for columns in (columns for table in tables for columns in nest_rows(add_digests(table))):
        mentions = np.cumsum(pc.list_value_length(columns["mentions"]).to_numpy())
        at = 0
        while at < columns.num_rows:
            before = mentions[at - 1] if at else 0
            end = int(np.searchsorted(mentions, before + sizes.mentions, side="right"))
            end = max(at + 1, min(end, at + sizes.studies))
            yield columns.slice(at, end - at)
            at = end


def encode_canonically(row: GraphRow) -> list[bytes]:
    """Return the row in a form that only an equal row has: 3 is not 3.0, and a date is no text.

    Its lists may stand in whatever order, for a graph has none.
    """
    nodes = [encode(row[name]) for name in ("patient", "study", "extraction")]
    for name in LISTS:
        nodes += [b"", *sorted(map(encode, row[name]))]
    return nodes


def count_contents(batch: Iterable[GraphRow]) -> Counter[str]:
    """Return the numbers of studies, mentions, relations and findings, as Load keeps them."""
    counter = Counter({"num_studies": 0, **{f"num_{name}": 0 for name in LISTS}})
    for row in batch:
        counter["num_studies"] += 1
        for name in LISTS:
            counter[f"num_{name}"] += len(row[name])
    return counter


def _make_rows(tables: Iterable[pa.Table]) -> Iterator[GraphRow]:
    for columns in (columns for table in tables for columns in nest_rows(add_digests(table))):
        yield from make_rows(columns)


def make_rows(columns: pa.RecordBatch) -> Iterator[GraphRow]:
    """Yield nested rows as objects of Python."""
    # mentions of reports have no nulls; to look at each of them takes as long as all else
    sparse = [name for name in columns.schema.names if _has_nulls(columns[name])]
    for at in range(0, columns.num_rows, _OBJECTS_AT_A_TIME):
        for row in columns.slice(at, _OBJECTS_AT_A_TIME).to_pylist():
            for name in sparse:
                found = row[name]
                one = isinstance(found, dict)
                row[name] = drop_nulls(found) if one else [drop_nulls(item) for item in found]
            yield row


def count_columns(columns: pa.RecordBatch) -> Counter[str]:
    """Return the same numbers of rows that are columns."""
    lengths = {name: pc.sum(pc.list_value_length(columns[name])).as_py() or 0 for name in LISTS}
    return Counter(
        num_studies=columns.num_rows, **{f"num_{name}": each for name, each in lengths.items()}
    )


def _has_nulls(column: pa.Array) -> bool:
    """Tell whether a field of a struct, or of a list of structs, is null anywhere."""
    structs = pc.list_flatten(column) if pa.types.is_list(column.type) else column
    return any(field.null_count for field in structs.flatten())


def _nest_mentions(entities: pa.ListArray) -> pa.ListArray:
    flat = pc.list_flatten(entities)
    lengths = pc.list_value_length(entities).to_numpy()
    ends = np.cumsum(lengths)
    fields = dict(zip(flat.type.names, flat.flatten(), strict=True))
    labels = fields["label"].dictionary_encode()
    kinds = pa.array(map(get_concept_kind, labels.dictionary.to_pylist()), pa.string())
    own = {
        "ordinal": pa.array(np.arange(len(flat)) - np.repeat(ends - lengths, lengths)),
        "confidence": pc.add(fields["confidence"], 0.0),  # no -0.0: it equals 0.0
        "concept": check_keys(_join(kinds.take(labels.indices), fields["concept"], ":")),
    }
    return _to_lists(entities, _build_struct(**fields | own))


def _nest_relations(relations: pa.ListArray) -> pa.ListArray:
    flat = pc.list_flatten(relations)
    fields = dict(zip(flat.type.names, flat.flatten(), strict=True))
    kind = pc.utf8_upper(fields.pop("relation"))
    own = {"type": kind, "confidence": pc.add(fields["confidence"], 0.0)}
    return _to_lists(relations, _build_struct(**fields | own))


def _to_lists(lists: pa.ListArray, items: pa.StructArray) -> pa.ListArray:
    """Return lists of these items, as long as those, which may be a slice of a longer array."""
    ends = np.cumsum(pc.list_value_length(lists).to_numpy())
    return pa.ListArray.from_arrays(pa.array(np.append(0, ends), pa.int32()), items)


def _build_struct(**columns: pa.Array) -> pa.StructArray:
    return pa.StructArray.from_arrays(list(columns.values()), names=list(columns))


def _select(rows: pa.RecordBatch, *names: str) -> dict[str, pa.Array]:
    return {name: rows[name] for name in names}


def _join(left: pa.Array, right: pa.Array, between: str) -> pa.Array:
    return pc.binary_join_element_wise(left, right, between)


def check_keys(keys: pa.Array) -> pa.Array:
    """Return the keys, which an index must take.

    Raises:
        GraphError: one is too long.
    """
    long = keys.filter(pc.greater(pc.binary_length(keys), MAX_KEY_BYTES))
    if len(long):
        raise GraphError(
            f"an id or a concept has more than {MAX_NAME_BYTES} bytes, which the graph cannot"
            " index: extract or import again, which makes a failed row of such a study"
        )
    return keys


def drop_nulls(properties: Mapping[str, Any]) -> GraphRow:
    """Return the properties that are there: a null property does not exist in a graph."""
    return {name: value for name, value in properties.items() if value is not None}


def encode(value: Any) -> bytes:
    """Return a value of a row as JSON; of what is read back from a graph, any property."""
    option = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME
    return orjson.dumps(value, default=repr, option=option)
