"""Drafts as two flat tables, one row for each draft and one for each claim."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from radkg.interchange.formats.options import FileType
from radkg.interchange.tables import open_table
from radkg.schema.draft_table import CLAIM, DRAFT_SCHEMA

_LISTS = ("plan", "sentences")
_SIDES = ("left", "top", "right", "bottom")  # of a box
_DRAFTS = pa.schema([field for field in DRAFT_SCHEMA if field.name not in _LISTS])
_CLAIMS = pa.schema(
    [
        ("study_id", pa.string()),
        ("reporter", pa.string()),
        ("claim", pa.int64()),
        *((field.name, field.type) for field in CLAIM if field.name != "box"),
        *((name, pa.float64()) for name in _SIDES),
        ("sentences", pa.int64()),
    ]
)


def write_draft_tables(
    drafts: Iterable[pa.Table],
    folder: Path,
    file_type: FileType,
    study: str | None = None,
    *,
    with_text: bool,
    raw: bool = False,
) -> tuple[int, int]:
    """Write drafts.<type> and draft_claims.<type> into a directory; return the numbers of rows.

    A claim has its place in the plan, from 0, and the number of sentences that state it; its box
    stands in four columns.

    Args:
        drafts: rows of the draft table.
        folder: the directory, made if missing; both files are replaced once both are complete.
        file_type: csv or parquet.
        study: id of the only study; None: all.
        with_text: write the text of the drafts, in which sentences of reports may stand.
        raw: CSV for a program, with formulas as they are.

    Raises:
        StorageError: the directory cannot be written.
    """
    names = [name for name in _DRAFTS.names if with_text or name != "text"]
    schema = pa.schema([_DRAFTS.field(name) for name in names]).remove_metadata()
    counts = [0, 0]
    with contextlib.ExitStack() as stack:
        writers = [
            stack.enter_context(
                open_table(folder / f"{name}.{file_type}", each, file_type, raw=raw)
            )
            for name, each in (("drafts", schema), ("draft_claims", _CLAIMS))
        ]
        for table in drafts:
            if study is not None:
                table = table.filter(pc.equal(table["study_id"], study))
            for i, rows in enumerate((table.select(names).cast(schema), flatten_claims(table))):
                writers[i].write_table(rows)
                counts[i] += rows.num_rows
    return counts[0], counts[1]


def flatten_claims(drafts: pa.Table) -> pa.Table:
    """Return a row for each claim of some drafts."""
    plan = drafts["plan"].combine_chunks()
    claims = pc.list_flatten(plan)
    of = pc.list_parent_indices(plan)
    places = [place for each in plan for place in range(len(each))]
    boxes = [box or [None] * len(_SIDES) for box in pc.struct_field(claims, "box").to_pylist()]
    sides = zip(*boxes, strict=True) if boxes else [()] * len(_SIDES)
    columns = {
        "study_id": drafts["study_id"].take(of),
        "reporter": drafts["reporter"].take(of),
        "claim": pa.array(places, pa.int64()),
        **{name: pc.struct_field(claims, name) for name in CLAIM.names if name != "box"},
        **{n: pa.array(each, pa.float64()) for n, each in zip(_SIDES, sides, strict=True)},
        "sentences": _count_stating(drafts, places, of.to_pylist()),
    }
    return pa.table(columns, _CLAIMS)


def _count_stating(drafts: pa.Table, places: list[int], of: list[int]) -> pa.Array:
    """Return in how many sentences of its draft each claim is stated."""
    stated = [
        [claim for sentence in sentences for claim in set(sentence["claims"])]
        for sentences in drafts["sentences"].to_pylist()
    ]
    return pa.array([stated[row].count(at) for row, at in zip(of, places, strict=True)], pa.int64())
