"""Tell quickly whether the graph holds some studies exactly as they should be, in columns of Arrow.

Everything that full.py compares is compared, with its type; studies that are not equal are read
again there, and their difference named. Mentions, relations and findings come as lists of values in
the order of names that stand in the statement; the number of properties of each node and
relationship comes with them, so that none is overlooked. A batch comes as three rows, since each
row takes the client as long as a hundred values.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Executor, Future
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from radkg.graph.engine.client import Graph
from radkg.graph.engine.values import to_native
from radkg.graph.rows.nested import FINDING_PROPERTIES, drop_nulls, encode

_MENTION = ("ordinal", "text", "label", "start", "end", "section", "source", "confidence")
_FINDING_VALUES = ", ".join(f"f.{name}" for name in FINDING_PROPERTIES)
_MENTION_VALUES = ", ".join(f"m.{name}" for name in _MENTION)

STUDIES = f"""
UNWIND $keys AS key
MATCH (s:Study {{key: key}})
WITH key, properties(s) AS study,
  [(s)<-[h:HAS_STUDY]-(p) | [properties(h), properties(p)]] AS patients,
  [(s)-[h:HAS_EXTRACTION]->(x) | [properties(h), properties(x)]] AS extractions,
  [(s)-[f:HAS_FINDING]->(c) | [c.key, size(keys(f)), {_FINDING_VALUES}]] AS findings
RETURN collect([key, study, patients, extractions, findings]) AS found
"""

MENTIONS = f"""
UNWIND $keys AS key
MATCH (s:Study {{key: key}})-[:HAS_EXTRACTION]->(x:Extraction {{extractor: $extractor}})
MATCH (x)-[h:HAS_MENTION]->(m)
WITH key, collect([elementId(m), size(keys(h)), size(keys(m)), {_MENTION_VALUES}]) AS mentions
RETURN collect([key, mentions]) AS found
"""

LINKS = """
UNWIND $keys AS key
MATCH (s:Study {key: key})-[:HAS_EXTRACTION]->(x:Extraction {extractor: $extractor})
MATCH (x)-[:HAS_MENTION]->(m)-[r]->(t)
WITH key, collect([
  type(r), m.ordinal, size(keys(r)), r.confidence, t.key,
  CASE type(r) WHEN 'OF' THEN NULL ELSE elementId(t) END
]) AS links
RETURN collect([key, links]) AS found
"""

_PYTHON = {pa.string(): str, pa.int32(): int, pa.int64(): int, pa.float64(): float}
Columns = dict[str, pa.Array]


class _Unequal(Exception):
    """What was read can be no equal of what was published."""


class Reading:
    """Studies that a server is asked for.

    Args:
        graph: an open graph.
        beside: threads that read, three at once for a batch.
        columns: the nested rows of the studies, some hundreds.
        extractor: whose rows these are.
    """

    def __init__(
        self, graph: Graph, beside: Executor, columns: pa.RecordBatch, extractor: str
    ) -> None:
        self.columns = columns
        self.extractor = extractor
        self.keys: list[str] = columns["study"].field("key").to_pylist()

        def ask(statement: str) -> Future[list[dict[str, Any]]]:
            options = {"keys": self.keys, "extractor": extractor}
            return beside.submit(graph.read_unchanged, statement, **options)

        self._studies, self._mentions, self._links = map(ask, (STUDIES, MENTIONS, LINKS))

    def is_equal(self) -> bool:
        """Tell whether the graph holds exactly these rows of the studies.

        False may also be said of studies that are equal, where their values are of a strange kind.
        """
        try:
            findings = self._compare_nodes(_take_only_row(self._studies))
            _compare(_list_findings(self.columns), findings, ("study", "concept"))
            self._compare_mentions(_take_only_row(self._mentions), _take_only_row(self._links))
        except (_Unequal, pa.ArrowException, ValueError, TypeError, OverflowError):
            return False
        return True

    def _compare_nodes(self, found: list[list[Any]]) -> Columns:
        """Compare studies, patients and extractions; return the findings that were read."""
        place = self._place(found)
        whole = ("patient", "study", "extraction")
        rows = self.columns.select(whole).to_pylist()
        findings = []
        for key, study, patients, extractions, listed in found:
            row = rows[place[key]]
            own = [node for _, node in extractions if node.get("extractor") == self.extractor]
            links = [link for link, _ in (*patients, *extractions) if link]
            if links or len(patients) != 1 or len(own) != 1:
                raise _Unequal
            standing = (patients[0][1], to_native(study), own[0])
            if any(
                encode(drop_nulls(row[name])) != encode(node)
                for name, node in zip(whole, standing, strict=True)
            ):
                raise _Unequal
            if len(extractions) > 1:  # behind a study stand the findings of all who have read it
                others = {node.get("extractor") for _, node in extractions} - {self.extractor}
                listed = [each for each in listed if each[-1] not in others]
            findings.append((key, listed))
        kinds = _kinds_of(self.columns["findings"])
        names = ("concept", "properties", *FINDING_PROPERTIES)
        return _to_columns(place, findings, names, kinds | {"properties": pa.int64()})

    def _compare_mentions(self, found: list[list[Any]], found_links: list[list[Any]]) -> None:
        """Compare mentions, what they are of, and their relations."""
        mentions, relations = self.columns["mentions"], self.columns["relations"]
        kinds = _kinds_of(mentions) | dict.fromkeys(("link", "properties"), pa.int64())
        names = ("id", "link", "properties", *_MENTION)
        place = {key: at for at, key in enumerate(self.keys)}
        standing = _to_columns(place, found, names, kinds | {"id": pa.string()})
        ids = standing.pop("id")
        number = {each: at for at, each in enumerate(ids.to_pylist())}
        if len(number) != len(ids):
            raise _Unequal
        wanted = _flatten(mentions)
        concepts = wanted.pop("concept")
        wanted |= _count_properties(wanted) | {"link": pa.array(np.zeros(len(concepts), np.int64))}
        _compare(wanted, standing, ("study", "ordinal"))
        of: list[tuple[str, list[Any]]] = []
        others: list[tuple[str, list[Any]]] = []
        for key, links in found_links:
            of.append((key, [each[1:5] for each in links if each[0] == "OF"]))
            others.append((key, [each for each in links if each[0] != "OF"]))
        of_names = ("ordinal", "properties", "confidence", "concept")
        standing_of = _to_columns(place, of, of_names, kinds)
        zeros, nulls = np.zeros(len(concepts), np.int64), pa.nulls(len(concepts), pa.float64())
        wanted_of = {"concept": concepts, "properties": pa.array(zeros), "confidence": nulls}
        wanted_of |= {name: wanted[name] for name in ("study", "ordinal")}
        _compare(wanted_of, standing_of, ("study", "ordinal"))
        self._compare_relations(relations, others, standing, number)

    def _compare_relations(
        self,
        relations: pa.ListArray,
        found: list[tuple[str, list[Any]]],
        mentions: Columns,
        number: dict[str, int],
    ) -> None:
        """Compare relations; `mentions` are those that stand, and `number` their places by id."""
        kinds = _kinds_of(relations) | {"properties": pa.int64(), "key": pa.string()}
        names = ("type", "head", "properties", "confidence", "key", "id")
        place = {key: at for at, key in enumerate(self.keys)}
        standing = _to_columns(place, found, names, kinds | {"id": pa.string()})
        at = [number.get(each, -1) for each in standing.pop("id").to_pylist()]
        if -1 in at or standing.pop("key").null_count != len(at):
            raise _Unequal  # it leads elsewhere
        tails = pa.array(at, pa.int64())
        if not mentions["study"].take(tails).equals(standing["study"]):
            raise _Unequal
        standing["tail"] = mentions["ordinal"].take(tails).cast(pa.int32())
        wanted = _flatten(relations)
        wanted["properties"] = pa.array(np.ones(len(wanted["type"]), np.int64))
        _compare(wanted, standing, ("study", "head", "type", "tail", "confidence"))

    def _place(self, found: Sequence[Sequence[Any]]) -> dict[str, int]:
        """Return the places of the studies by key; each must have been read once."""
        place = {key: at for at, key in enumerate(self.keys)}
        if len(found) != len(place) or {each[0] for each in found} != place.keys():
            raise _Unequal
        return place


def _take_only_row(reading: Future[list[dict[str, Any]]]) -> list[list[Any]]:
    (row,) = reading.result()
    found: list[list[Any]] = row["found"]
    return found


def _list_findings(columns: pa.RecordBatch) -> Columns:
    wanted = _flatten(columns["findings"])
    own = {name: wanted[name] for name in FINDING_PROPERTIES}
    return wanted | _count_properties(own)


def _flatten(lists: pa.ListArray) -> Columns:
    """Return the fields of the structs in lists, and `study`: the place of the list."""
    flat = pc.list_flatten(lists)
    lengths = pc.list_value_length(lists).to_numpy()
    study = pa.array(np.repeat(np.arange(len(lists)), lengths), pa.int64())
    return {**dict(zip(flat.type.names, flat.flatten(), strict=True)), "study": study}


def _count_properties(fields: Columns) -> Columns:
    """Return how many of the fields are there, of each struct."""
    own = [each for name, each in fields.items() if name != "study"]
    there = sum(np.asarray(each.is_valid()).astype(np.int64) for each in own)
    return {"properties": pa.array(there, pa.int64())}


def _kinds_of(lists: pa.ListArray) -> dict[str, pa.DataType]:
    return {field.name: field.type for field in lists.type.value_type}


def _to_columns(
    place: dict[str, int],
    found: Iterable[Sequence[Any]],
    names: Sequence[str],
    kinds: dict[str, pa.DataType],
) -> Columns:
    """Return lists of values, some for each study, as columns, and `study`: its place."""
    pairs = [(place[key], rows) for key, rows in found]
    study = np.repeat([at for at, _ in pairs], [len(rows) for _, rows in pairs])
    rows = list(chain.from_iterable(rows for _, rows in pairs))
    values = zip(*rows, strict=True) if rows else [()] * len(names)
    columns = {name: _to_array(each, kinds[name]) for name, each in zip(names, values, strict=True)}
    return columns | {"study": pa.array(study, pa.int64())}


def _to_array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Return values as an array of exactly this kind: 3 is not 3.0, and True is not 1."""
    own: type = list if pa.types.is_list(kind) else _PYTHON[kind]
    if not set(map(type, values)) <= {own, type(None)}:
        raise _Unequal
    if own is list:
        items = chain.from_iterable(each for each in values if each is not None)
        if not set(map(type, items)) <= {_PYTHON[kind.value_type]}:
            raise _Unequal
    return pa.array(values, kind)


def _compare(wanted: Columns, found: Columns, order: Sequence[str]) -> None:
    """Raise unless both have the same rows, in whatever order."""
    if wanted.keys() != found.keys() or len(wanted["study"]) != len(found["study"]):
        raise _Unequal
    both = [
        pa.table(each).take(pc.sort_indices(pa.table(each), [(n, "ascending") for n in order]))
        for each in (wanted, found)
    ]
    for name in wanted:
        one, other = (_to_bits(each[name].combine_chunks()) for each in both)
        if not one.equals(other):
            raise _Unequal


def _to_bits(column: pa.Array) -> pa.Array:
    """Return floats as their bits, so that 0.0 is not -0.0."""
    return column.view(pa.int64()) if pa.types.is_floating(column.type) else column
