"""A snapshot as the tables that `neo4j-admin database import` reads: one for each label and type.

The same rows as the loader's (rows/nested.py), taken apart as columns: no mention becomes an
object of Python. A column named `:ID(Study)` is an integer id that exists during the import only;
ids of each label count from 0. Other columns are properties, and a null is none. Ids of concepts
and patients are kept in memory, nothing else is.
"""

from __future__ import annotations

import contextlib
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from radkg.errors import GraphError
from radkg.graph.rows.aggregates import CO_OCCURS, COUNTED, COUNTS, Edge, number_keys
from radkg.graph.rows.nested import (
    FINDING_PROPERTIES,
    RELATION_TYPES,
    GraphRow,
    add_digests,
    build_concept,
    count_contents,
    nest_rows,
)
from radkg.schema.findings import FINDING

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
        {name: FINDING.field(name).type for name in FINDING_PROPERTIES},
    ),
    **{name: ("Mention", "Mention", {"confidence": pa.float64()}) for name in RELATION_TYPES},
    COUNTS: ("Load", "Concept", {**dict.fromkeys(COUNTED, pa.int64()), "paired": pa.bool_()}),
    CO_OCCURS: (
        "Concept",
        "Concept",
        {"studies": pa.int64(), **dict.fromkeys(("archive", "extractor"), pa.string())},
    ),
}

_Ids = npt.NDArray[Any]
_LOAD = 0  # id of the one Load


def write_tables(
    tables: Iterable[pa.Table],
    sums: Mapping[Edge, GraphRow],
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
        What Load counts: nested.count_contents of all studies.

    Raises:
        GraphError: a key is too long for an index, or a text is empty.
        SnapshotError: published bytes were changed.
        OSError: the disk is full.
    """
    with contextlib.ExitStack() as stack:
        files = {name: stack.enter_context(_File(folder, name)) for name in NODES}
        files |= {name: stack.enter_context(_File(folder, name)) for name in RELATIONSHIPS}
        writing = _Writing(files)
        for table in tables:
            for rows in nest_rows(add_digests(table)):
                writing.write(rows)
                advance(writing.counted["num_studies"])
        writing.write_sums(sums)
    return writing.counted


def write_ledger(ledger: GraphRow, folder: Path) -> None:
    """Write the one Load node as `<folder>/Load.parquet`."""
    row = {":ID(Load)": _LOAD, **ledger}
    pq.write_table(pa.Table.from_pylist([row]), folder / "Load.parquet")


class _File:
    """One Parquet file of the import: integer ids, then properties; others are left out."""

    def __init__(self, folder: Path, name: str) -> None:
        if name in NODES:
            ids, properties = [f":ID({name})"], NODES[name]
        else:
            start, end, properties = RELATIONSHIPS[name]
            ids = [f":START_ID({start})", f":END_ID({end})"]
        self.name = name
        self.schema = pa.schema({**dict.fromkeys(ids, pa.int64()), **properties})
        self.writer = pq.ParquetWriter(folder / f"{name}.parquet", self.schema)

    def add(self, properties: pa.StructArray | None, *ids: _Ids) -> None:
        columns = [pa.array(each, pa.int64()) for each in ids]
        for field in list(self.schema)[len(ids) :]:
            column = pc.struct_field(properties, field.name).cast(field.type)
            if field.type == pa.string() and pc.any(pc.equal(column, "")).as_py():
                # the import would take it for none
                raise GraphError(
                    f"the {field.name} of a {self.name} is an empty text, which Neo4j's import"
                    " cannot hold: load this archive with --graph ADDRESS"
                )
            columns.append(column)
        self.writer.write_batch(pa.record_batch(columns, schema=self.schema))

    def __enter__(self) -> _File:
        return self

    def __exit__(self, *_: object) -> None:
        self.writer.close()


class _Writing:
    """Takes rows apart; knows the ids of what several studies share."""

    def __init__(self, files: Mapping[str, _File]) -> None:
        self.files = files
        self.counted = count_contents([])
        self.concepts: dict[str, int] = {}
        self.patients: dict[str, int] = {}

    def write(self, rows: pa.RecordBatch) -> None:
        """Write the studies of rows.nested."""
        files, number = self.files, rows.num_rows
        study = np.arange(number) + self.counted["num_studies"]  # so is its one extraction
        files["Study"].add(rows["study"], study)
        files["Extraction"].add(rows["extraction"], study)
        files["HAS_STUDY"].add(None, self._patients(rows["patient"]), study)
        files["HAS_EXTRACTION"].add(None, study, study)
        self._write_mentions(rows, study)
        findings = pc.list_flatten(rows["findings"])
        to = self._concepts(pc.struct_field(findings, "concept"))
        files["HAS_FINDING"].add(findings, study[_list_parents(rows["findings"])], to)
        self.counted.update(num_studies=number, num_findings=len(findings))

    def write_sums(self, sums: Mapping[Edge, GraphRow]) -> None:
        """Write what sums.edges gives."""
        for kind in (COUNTS, CO_OCCURS):
            edges = [edge for edge in sums if edge[0] == kind]
            heads, tails = (pa.array([edge[end] for edge in edges], pa.string()) for end in (1, 2))
            start = np.full(len(edges), _LOAD) if kind == COUNTS else self._concepts(heads)
            properties = pa.array([sums[edge] for edge in edges], pa.struct(RELATIONSHIPS[kind][2]))
            self.files[kind].add(properties, start, self._concepts(tails))

    def _write_mentions(self, rows: pa.RecordBatch, study: _Ids) -> None:
        mentions, relations = pc.list_flatten(rows["mentions"]), pc.list_flatten(rows["relations"])
        parents = _list_parents(rows["mentions"])
        first = self.counted["num_mentions"]
        ids = np.arange(first, first + len(mentions))
        self.files["Mention"].add(mentions, ids)
        self.files["HAS_MENTION"].add(None, study[parents], ids)
        self.files["OF"].add(None, ids, self._concepts(pc.struct_field(mentions, "concept")))
        first_of = first + np.searchsorted(parents, np.arange(rows.num_rows))
        first_of = first_of[_list_parents(rows["relations"])]
        head, tail = (first_of + pc.struct_field(relations, e).to_numpy() for e in ("head", "tail"))
        for name in RELATION_TYPES:
            is_of = pc.equal(pc.struct_field(relations, "type"), name)
            which = is_of.to_numpy(zero_copy_only=False)
            self.files[name].add(relations.filter(is_of), head[which], tail[which])
        self.counted.update(num_mentions=len(mentions), num_relations=len(relations))

    def _concepts(self, keys: pa.Array) -> _Ids:
        first = len(self.concepts)
        ids = number_keys(keys, self.concepts)
        new = itertools.islice(self.concepts, first, None)
        named = pa.array([build_concept(key) for key in new], pa.struct(NODES["Concept"]))
        self.files["Concept"].add(named, np.arange(first, len(self.concepts)))
        return ids

    def _patients(self, patients: pa.StructArray) -> _Ids:
        first = len(self.patients)
        ids = number_keys(pc.struct_field(patients, "key"), self.patients)
        distinct, place = np.unique(ids, return_index=True)
        news = patients.take(pa.array(place[distinct >= first]))  # ids rise with the new
        self.files["Patient"].add(news, np.arange(first, len(self.patients)))
        return ids


def _list_parents(lists: pa.ListArray) -> _Ids:
    """Return the row of each item."""
    parents: _Ids = pc.list_parent_indices(lists).to_numpy()
    return parents
