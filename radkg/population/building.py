"""Make a population out of the columns of its parts.

A part has its texts as codes into its own distinct texts. When all parts are there, the distinct
texts get one numbering at once: no text of a finding becomes an object of Python. What stands
beside the findings is numbered when it is first asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from radkg.population.columns import read_columns
from radkg.population.links import LINKS
from radkg.population.population import UNKNOWN, UNKNOWN_DAY, Beside, Population
from radkg.population.postings import order_postings
from radkg.population.wording import SEVERITY_OF, SIDES_OF
from radkg.progress import Advance, ignore
from radkg.run.retractions import read_retractions
from radkg.run.snapshot import Snapshot
from radkg.schema.mentions import STRENGTH, Array
from radkg.schema.records import SEXES, STATUSES

_LISTS = ("modifiers", "sites", "site_modifiers")
_NESTED = ("findings", "links", "others")


def open_population(snapshot: Snapshot, advance: Advance = ignore) -> Population:
    """Return the population of a snapshot without what is retracted now.

    Raises:
        SnapshotError: a published part that must be read is missing or was changed.
    """
    parts = read_columns(snapshot, advance)
    found = build_population(parts, snapshot.archive, snapshot.extractor, snapshot.manifest)
    return found.hide(read_retractions(snapshot.storage), snapshot.snapshot_id)


def build_population(
    parts: Iterable[pa.Table], archive: str, extractor: str, manifest: Mapping[str, Any]
) -> Population:
    """Return the population whose studies the parts hold, in their order.

    Args:
        parts: columns as `read_columns` yields them.
        archive: of the studies.
        extractor: that read them.
        manifest: of the snapshot; `model_id` is enough.
    """
    columns = _Columns()
    for part in parts:
        columns.add(part)
    return columns.build(archive, extractor, str(manifest["model_id"]))


class _Columns:
    """The columns of parts, one chunk a part, and their texts."""

    def __init__(self) -> None:
        self._rows: list[pa.Table] = []
        self._numbers: dict[str, list[Array]] = {}
        self._texts: dict[str, list[pa.DictionaryArray]] = {}
        self._num_studies = 0
        self._num_findings = 0

    def add(self, part: pa.Table) -> None:
        """Add the columns of the next part."""
        findings, links, others = (_whole(part[name]) for name in _NESTED)
        self._rows.append(part.drop_columns(list(_NESTED)))
        flat = self._add_lists("finding study", findings, self._num_studies)
        self._add_text("finding concept", pc.struct_field(flat, "name"))
        stated, denied = (pc.struct_field(flat, n).to_numpy() for n in ("present", "absent"))
        self._add("finding twice", (stated > 0) & (denied > 0))
        self._add("finding label", _place(pc.struct_field(flat, "label"), STRENGTH))
        self._add("finding confidence", pc.struct_field(flat, "confidence").to_numpy())
        mentions = pc.struct_field(flat, "mentions").to_numpy()
        self._add("finding mentions", mentions.astype(np.int32))
        for name in _LISTS:
            texts = self._add_lists(f"{name} row", pc.struct_field(flat, name), self._num_findings)
            self._add_text(f"{name} other", texts)
        flat = self._add_lists("link study", links, self._num_studies)
        self._add("link kind", _place(pc.struct_field(flat, "link"), LINKS))
        self._add_text("link concept", pc.struct_field(flat, "finding"))
        self._add_text("link other", pc.struct_field(flat, "other"))
        flat = self._add_lists("other study", others, self._num_studies)
        self._add_text("other concept", flat)
        self._num_findings += len(findings.values)
        self._num_studies += part.num_rows

    def build(self, archive: str, extractor: str, model_id: str) -> Population:
        """Return the population of all parts."""
        names, places = self._number_texts()

        def number(name: str) -> Array:
            found = zip(places[name], self._texts[name], strict=True)
            return np.concatenate([place[texts.indices.to_numpy()] for place, texts in found])

        rows = pa.concat_tables(self._rows).unify_dictionaries()
        subject = _whole(rows["subject_id"])
        findings = {"concept": number("finding concept")}
        for name in ("study", "label", "confidence", "mentions", "twice"):
            findings[name] = self._take(f"finding {name}")
        rows_of = {name: self._take(f"{name} row") for name in _LISTS}

        def gather(function: np.ufunc, number_of: Array, name: str) -> Array:
            """Return for each finding what a function makes of the numbers of its words."""
            found = np.zeros(len(findings["study"]), np.int8)
            chunks = zip(places[f"{name} other"], self._texts[f"{name} other"], strict=True)
            each = [number_of[place][texts.indices.to_numpy()] for place, texts in chunks]
            numbers = np.concatenate(each)
            some = np.flatnonzero(numbers)
            function.at(found, rows_of[name][some], numbers[some])
            return found

        findings["severity"] = gather(np.maximum, _number_names(names, SEVERITY_OF), "modifiers")
        side = _number_names(names, SIDES_OF)
        findings["side"] = np.bitwise_or.reduce(
            [gather(np.bitwise_or, side, name) for name in _LISTS]
        )
        own = {name: findings[name] for name in ("concept", "study", "label")}

        def list_words(name: str) -> dict[str, Array]:
            row = rows_of[name]
            return {
                **{n: column[row] for n, column in own.items()},
                "other": number(f"{name} other"),
            }

        def list_links(kind: int) -> dict[str, Array]:
            which = kind == np.concatenate(self._numbers["link kind"])
            linked = {"study": np.concatenate(self._numbers["link study"])[which]}
            return linked | {n: number(f"link {n}")[which] for n in ("concept", "other")}

        def list_others() -> dict[str, Array]:
            study = np.concatenate(self._numbers["other study"])
            return {"concept": number("other concept"), "study": study}

        beside: dict[str, Callable[[], dict[str, Array]]] = {
            "words": partial(list_words, "modifiers"),
            "sites": partial(list_words, "sites"),
            "others": list_others,
            **{name: partial(list_links, kind) for kind, name in enumerate(LINKS)},
        }
        return Population(
            archive=archive,
            extractor=extractor,
            model_id=model_id,
            names=names,
            study_id=_whole(rows["study_id"]),
            subject=subject.indices.to_numpy(),
            subjects=subject.dictionary,
            day=rows["study_date"].cast(pa.int32()).fill_null(UNKNOWN_DAY).to_numpy(),
            age=rows["age"].fill_null(UNKNOWN).to_numpy().astype(np.int16),
            sex=_place(_whole(rows["sex"]), SEXES),
            views=_mark_views(_whole(rows["view_positions"]), rows.num_rows),
            status=_place(_whole(rows["status"]), STATUSES),
            reason=_whole(rows["reason"]),
            condition=_whole(rows["condition"]),
            findings=order_postings(
                findings.pop("concept"), findings.pop("study"), findings, len(names)
            ),
            beside=Beside(beside, len(names)),
            visible=np.ones(rows.num_rows, np.bool_),
        )

    def _add(self, name: str, numbers: Array) -> None:
        self._numbers.setdefault(name, []).append(numbers)

    def _add_text(self, name: str, texts: pa.DictionaryArray) -> None:
        self._texts.setdefault(name, []).append(texts)

    def _add_lists(self, name: str, lists: pa.ListArray, before: int) -> Any:
        """Add the row that each value of lists is of, after those before; return the values."""
        row = pc.list_parent_indices(lists).to_numpy() + before
        self._add(name, row.astype(np.int32))
        return pc.list_flatten(lists)

    def _number_texts(self) -> tuple[tuple[str, ...], dict[str, list[Array]]]:
        """Return the sorted distinct texts, and the place among them of each code of each part."""
        parts = [(name, texts.dictionary) for name, each in self._texts.items() for texts in each]
        encoded = pa.concat_arrays([texts for _, texts in parts]).dictionary_encode()
        order = pc.sort_indices(encoded.dictionary).to_numpy()
        place = np.empty(len(order), np.int32)
        place[order] = np.arange(len(order))
        numbered = place[encoded.indices.to_numpy()]
        places: dict[str, list[Array]] = {name: [] for name in self._texts}
        start = 0
        for name, texts in parts:
            places[name].append(numbered[start : start + len(texts)])
            start += len(texts)
        return tuple(encoded.dictionary.take(pa.array(order)).to_pylist()), places

    def _take(self, name: str) -> Array:
        return np.concatenate(self._numbers.pop(name))


def _whole(column: pa.ChunkedArray) -> Any:
    whole = column.combine_chunks()
    return whole if isinstance(whole, pa.Array) else pa.concat_arrays(whole.chunks)


def _place(texts: pa.DictionaryArray, known: tuple[str, ...]) -> Array:
    """Return the place of each text among the known ones; UNKNOWN for null."""
    codes = [known.index(text) for text in texts.dictionary.to_pylist()]
    table = np.array([*codes, UNKNOWN], np.int8)
    place: Array = table[texts.indices.fill_null(len(codes)).to_numpy()]
    return place


def _number_names(names: tuple[str, ...], known: Mapping[str, int]) -> Array:
    return np.array([known.get(name, 0) for name in names], np.int8)


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
