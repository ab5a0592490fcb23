"""Make a population out of the columns of its parts.

Concepts have the numbers of their first meeting while parts are added, for a part knows its own
names alone; in the end they get their places among the sorted names.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from radkg.population.columns import read_columns
from radkg.population.links import LINKS
from radkg.population.population import UNKNOWN, UNKNOWN_DAY, Population
from radkg.population.postings import Postings, sort_postings
from radkg.population.wording import SEVERITY_OF, SIDES_OF
from radkg.progress import Advance
from radkg.run.retractions import read_retractions
from radkg.run.snapshot import Snapshot
from radkg.schema.mentions import STRENGTH, Array
from radkg.schema.records import SEXES, STATUSES


def open_population(snapshot: Snapshot, advance: Advance | None = None) -> Population:
    """Return the population of a snapshot without what is retracted now.

    Raises:
        SnapshotError: a published part that must be read is missing or was changed.
    """
    parts = read_columns(snapshot, advance)
    found = build_population(parts, snapshot.archive, snapshot.extractor, snapshot.manifest)
    return found.hide(read_retractions(snapshot.storage), snapshot.snapshot_id)


def build_population(
    parts: Iterable[pa.Table], archive: str, extractor: str, manifest: dict[str, Any]
) -> Population:
    """Return the population whose studies the parts hold, in their order."""
    builder = _Builder()
    for part in parts:
        builder.add(part)
    return builder.build(archive, extractor, str(manifest["model_id"]))


class _Builder:
    """Adds up the columns of parts."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._rows: list[pa.Table] = []
        self._tables: dict[str, list[dict[str, Array]]] = {
            name: [] for name in ("findings", "words", "sites", "others", *LINKS)
        }
        self._number = 0

    def add(self, part: pa.Table) -> None:
        """Add the columns of the next part."""
        rows = part.combine_chunks()
        self._rows.append(rows.drop_columns(["findings", "links", "others"]))
        self._add_findings(_whole(rows["findings"]))
        self._add_links(_whole(rows["links"]))
        self._add_others(_whole(rows["others"]))
        self._number += rows.num_rows

    def build(self, archive: str, extractor: str, model_id: str) -> Population:
        """Return the population of all parts."""
        names = tuple(sorted(self._ids))
        place = np.empty(len(names), np.int32)
        place[[self._ids[name] for name in names]] = np.arange(len(names))
        rows = pa.concat_tables(self._rows).unify_dictionaries()
        sort = functools.partial(self._sort, place=place)
        subject = _whole(rows["subject_id"])
        ages = rows["age"].fill_null(UNKNOWN)
        days = rows["study_date"].cast(pa.int32()).fill_null(UNKNOWN_DAY)
        return Population(
            archive=archive,
            extractor=extractor,
            model_id=model_id,
            names=names,
            study_id=_whole(rows["study_id"]),
            subject=subject.indices.to_numpy(),
            subjects=subject.dictionary,
            day=days.to_numpy(),
            age=ages.to_numpy().astype(np.int16),
            sex=_place(rows["sex"], SEXES),
            views=_mark_views(_whole(rows["view_positions"]), self._number),
            status=_place(rows["status"], STATUSES),
            reason=_whole(rows["reason"]),
            condition=_whole(rows["condition"]),
            findings=sort("findings"),
            words=sort("words"),
            sites=sort("sites"),
            links={name: sort(name) for name in LINKS},
            others=sort("others"),
            visible=np.ones(self._number, np.bool_),
        )

    def _add_findings(self, lists: pa.ListArray) -> None:
        study = pc.list_parent_indices(lists).to_numpy() + self._number
        flat = pc.list_flatten(lists)
        field = functools.partial(pc.struct_field, flat)
        concept = self._number_texts(field("name"))
        label = _place(field("label"), STRENGTH)
        modifiers, sites, around = (field(n) for n in ("modifiers", "sites", "site_modifiers"))
        severity = _find_greatest(modifiers, SEVERITY_OF)
        side = np.zeros(len(flat), np.int8)
        for texts in (modifiers, sites, around):
            side |= _gather_bits(texts, SIDES_OF)
        columns = {
            "concept": concept,
            "study": study.astype(np.int32),
            "label": label,
            "confidence": field("confidence").to_numpy(),
            "mentions": field("mentions").to_numpy().astype(np.int32),
            "twice": (field("present").to_numpy() > 0) & (field("absent").to_numpy() > 0),
            "severity": severity,
            "side": side,
        }
        self._tables["findings"].append(columns)
        for name, texts in (("words", modifiers), ("sites", sites)):
            own = pc.list_parent_indices(texts).to_numpy()
            linked = {key: columns[key][own] for key in ("concept", "study", "label")}
            other = self._number_texts(pc.list_flatten(texts))
            self._tables[name].append({**linked, "other": other})

    def _add_links(self, lists: pa.ListArray) -> None:
        study = (pc.list_parent_indices(lists).to_numpy() + self._number).astype(np.int32)
        flat = pc.list_flatten(lists)
        kind = _place(pc.struct_field(flat, "link"), LINKS)
        concept, other = (
            self._number_texts(pc.struct_field(flat, name)) for name in ("finding", "other")
        )
        for number, name in enumerate(LINKS):
            which = kind == number
            columns = {"concept": concept[which], "study": study[which], "other": other[which]}
            self._tables[name].append(columns)

    def _add_others(self, lists: pa.ListArray) -> None:
        study = (pc.list_parent_indices(lists).to_numpy() + self._number).astype(np.int32)
        concept = self._number_texts(pc.list_flatten(lists))
        self._tables["others"].append({"concept": concept, "study": study})

    def _number_texts(self, texts: pa.DictionaryArray) -> Array:
        """Return the number of each text; a new one gets the next number."""
        ids = self._ids
        known = [ids.setdefault(text, len(ids)) for text in texts.dictionary.to_pylist()]
        numbers: Array = np.array(known, np.int32)[texts.indices.to_numpy()]
        return numbers

    def _sort(self, name: str, *, place: Array) -> Postings:
        tables = self._tables.pop(name)
        columns = {key: np.concatenate([t[key] for t in tables]) for key in tables[0]}
        concept = place[columns.pop("concept")]
        if "other" in columns:
            columns["other"] = place[columns["other"]]
        return sort_postings(concept, columns.pop("study"), columns, len(place))


def _whole(column: pa.ChunkedArray) -> Any:
    whole = column.combine_chunks()
    return whole if isinstance(whole, pa.Array) else pa.concat_arrays(whole.chunks)


def _place(texts: Any, known: tuple[str, ...]) -> Array:
    """Return the place of each text among the known ones; UNKNOWN for null."""
    encoded = _whole(texts) if isinstance(texts, pa.ChunkedArray) else texts
    codes = [known.index(text) for text in encoded.dictionary.to_pylist()]
    table = np.array([*codes, UNKNOWN], np.int8)
    place: Array = table[encoded.indices.fill_null(len(codes)).to_numpy()]
    return place


def _find_greatest(lists: pa.ListArray, known: Mapping[str, int]) -> Array:
    """Return for each list the greatest number of its texts; 0 for an empty one."""
    greatest = np.zeros(len(lists), np.int8)
    own, number = _number_words(lists, known)
    np.maximum.at(greatest, own, number)
    return greatest


def _gather_bits(lists: pa.ListArray, known: Mapping[str, int]) -> Array:
    """Return for each list the bits that the numbers of its texts have; 0 for an empty one."""
    bits = np.zeros(len(lists), np.int8)
    own, number = _number_words(lists, known)
    np.bitwise_or.at(bits, own, number)
    return bits


def _number_words(lists: pa.ListArray, known: Mapping[str, int]) -> tuple[Array, Array]:
    """Return list and number of each text whose number is not 0."""
    texts = pc.list_flatten(lists)
    numbers = np.array([known.get(text, 0) for text in texts.dictionary.to_pylist()], np.int8)
    number = numbers[texts.indices.to_numpy()] if len(numbers) else np.zeros(0, np.int8)
    some = np.flatnonzero(number)
    return pc.list_parent_indices(lists).to_numpy()[some], number[some]


def _mark_views(lists: pa.ListArray, num_studies: int) -> dict[str, Array]:
    texts, own = pc.list_flatten(lists), pc.list_parent_indices(lists).to_numpy()
    codes = texts.indices.to_numpy()
    marked: dict[str, Array] = {}
    for code, view in sorted(enumerate(texts.dictionary.to_pylist()), key=lambda item: item[1]):
        has = np.zeros(num_studies, np.bool_)
        has[own[codes == code]] = True
        if has.any():
            marked[view] = has
    return marked
