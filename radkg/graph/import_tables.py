"""A snapshot as the tables that `neo4j-admin database import` reads: one for each label and type.

The same rows as the loader's (rows.py), taken apart. A column named `:ID(Study)` is an integer id
that exists during the import only; ids of each label count from 0. Other columns are properties,
and a null is none. Ids of concepts and patients are kept in memory, nothing else is.
"""

from __future__ import annotations

import contextlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from radkg.errors import GraphError
from radkg.graph.rows import RELATION_TYPES, Row, batches, concept, totals
from radkg.graph.sums import CO_OCCURS, COUNTED, COUNTS, Edge

NODES: dict[str, dict[str, pa.DataType]] = {
    "Patient": dict.fromkeys(("key", "subject_id", "archive"), pa.string()),
    "Study": {
        **dict.fromkeys(("key", "study_id", "archive"), pa.string()),
        "study_date": pa.date32(),
        "view_positions": pa.list_(pa.string()),
        "age": pa.int64(),
        "sex": pa.string(),
    },
    "Extraction": dict.fromkeys(
        (
            *("key", "extractor", "model_id", "condition", "status", "reason"),
            *("study_fingerprint", "radkg_version", "digest"),
        ),
        pa.string(),
    ),
    "Mention": {
        **dict.fromkeys(("ordinal", "start", "end"), pa.int64()),
        **dict.fromkeys(("text", "label", "section", "source"), pa.string()),
        "confidence": pa.float64(),
    },
    "Concept": dict.fromkeys(("key", "name", "kind"), pa.string()),
}
RELATIONSHIPS: dict[str, tuple[str, str, dict[str, pa.DataType]]] = {
    "HAS_STUDY": ("Patient", "Study", {}),
    "HAS_EXTRACTION": ("Study", "Extraction", {}),
    "HAS_MENTION": ("Extraction", "Mention", {}),
    "OF": ("Mention", "Concept", {}),
    "HAS_FINDING": (
        "Study",
        "Concept",
        {
            **dict.fromkeys(("label", "extractor"), pa.string()),
            "mentions": pa.int64(),
            "confidence": pa.float64(),
        },
    ),
    **{name: ("Mention", "Mention", {"confidence": pa.float64()}) for name in RELATION_TYPES},
    COUNTS: ("Load", "Concept", {**dict.fromkeys(COUNTED, pa.int64()), "paired": pa.bool_()}),
    CO_OCCURS: (
        "Concept",
        "Concept",
        {"studies": pa.int64(), **dict.fromkeys(("archive", "extractor"), pa.string())},
    ),
}

_LOAD = 0  # id of the one Load
_GROUP_ROWS = 100_000  # held in memory for each table before they are written


def write_tables(
    tables: Iterable[pa.Table],
    sums: Mapping[Edge, Row],
    folder: Path,
    advance: Callable[[int], None],
) -> Counter[str]:
    """Write `<folder>/<label or type>.parquet` for all nodes and relationships but Load.

    Args:
        tables: rows of the extraction table, each study once.
        sums: sums.edges of all of them.
        folder: an empty directory.
        advance: called with the number of studies written.

    Returns:
        What Load counts: rows.totals of all studies.

    Raises:
        GraphError: a key is too long for an index, or a text is empty.
        SnapshotError: published bytes were changed.
        OSError: the disk is full.
    """
    counted = totals([])
    with contextlib.ExitStack() as stack:
        files = {name: stack.enter_context(_File(folder, name)) for name in NODES}
        files |= {name: stack.enter_context(_File(folder, name)) for name in RELATIONSHIPS}
        taking = _Taking(files)
        for batch in batches(tables):
            for row in batch:
                taking.take(row)
            counted.update(totals(batch))  # adding would drop the zeros
            advance(counted["num_studies"])
        for edge, properties in sums.items():
            taking.take_sum(edge, properties)
    return counted


def write_ledger(ledger: Row, folder: Path) -> None:
    """Write the one Load node as `<folder>/Load.parquet`."""
    row = {":ID(Load)": _LOAD, **ledger}
    pq.write_table(pa.Table.from_pylist([row]), folder / "Load.parquet")


class _File:
    """One Parquet file of the import; rows are dicts, what is no column of it is left out."""

    def __init__(self, folder: Path, name: str) -> None:
        if name in NODES:
            ids, properties = {f":ID({name})": pa.int64()}, NODES[name]
        else:
            start, end, properties = RELATIONSHIPS[name]
            ids = {f":START_ID({start})": pa.int64(), f":END_ID({end})": pa.int64()}
        self.name = name
        self.ids = tuple(ids)
        self.kind = pa.struct([pa.field(*column) for column in (ids | properties).items()])
        self.rows: list[Row] = []
        self.writer = pq.ParquetWriter(folder / f"{name}.parquet", pa.schema(list(self.kind)))

    def add(self, properties: Row, *ids: int) -> None:
        if "" in properties.values():  # the import would take it for none
            raise GraphError(
                f"{self.name} {properties.get('key', '')!r} has an empty text, which Neo4j's import"
                " cannot hold: load this archive with --graph ADDRESS"
            )
        self.rows.append({**properties, **dict(zip(self.ids, ids, strict=True))})
        if len(self.rows) == _GROUP_ROWS:
            self.flush()

    def flush(self) -> None:
        group = pa.array(self.rows, self.kind)
        self.writer.write_table(pa.Table.from_struct_array(group))
        self.rows = []

    def __enter__(self) -> _File:
        return self

    def __exit__(self, kind: Any, *_: object) -> None:
        if kind is None:
            self.flush()
        self.writer.close()


class _Taking:
    """Takes rows apart; knows the ids of what several studies share."""

    def __init__(self, files: dict[str, _File]) -> None:
        self.files = files
        self.concepts: dict[str, int] = {}
        self.patients: dict[str, int] = {}
        self.next: defaultdict[str, int] = defaultdict(int)

    def take(self, row: Row) -> None:
        files, study, extraction = self.files, self._id("Study"), self._id("Extraction")
        files["Study"].add(row["study"], study)
        files["Extraction"].add(row["extraction"], extraction)
        files["HAS_STUDY"].add({}, self._patient(row["patient"]), study)
        files["HAS_EXTRACTION"].add({}, study, extraction)
        first = self.next["Mention"]
        for mention in row["mentions"]:
            number = self._id("Mention")
            files["Mention"].add(mention, number)
            files["HAS_MENTION"].add({}, extraction, number)
            files["OF"].add({}, number, self._concept(mention["concept"]))
        for relation in row["relations"]:
            ends = first + relation["head"], first + relation["tail"]
            files[relation["type"]].add(relation, *ends)
        for finding in row["findings"]:
            files["HAS_FINDING"].add(finding, study, self._concept(finding["concept"]))

    def take_sum(self, edge: Edge, properties: Row) -> None:
        kind, head, tail = edge
        start = _LOAD if kind == COUNTS else self._concept(head)
        self.files[kind].add(properties, start, self._concept(tail))

    def _id(self, label: str) -> int:
        self.next[label] += 1
        return self.next[label] - 1

    def _concept(self, key: str) -> int:
        if key not in self.concepts:
            self.concepts[key] = self._id("Concept")
            self.files["Concept"].add(concept(key), self.concepts[key])
        return self.concepts[key]

    def _patient(self, patient: Row) -> int:
        key = patient["key"]
        if key not in self.patients:
            self.patients[key] = self._id("Patient")
            self.files["Patient"].add(patient, self.patients[key])
        return self.patients[key]
