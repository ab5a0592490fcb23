"""Outlines: what their rows say of studies, without the rows."""

import dataclasses

from radkg.graph.rows.nested import LISTS, batch_rows, count_contents
from radkg.graph.rows.outlines import OUTLINE, compute_outlines, count_outlined
from radkg.schema.arrow import EXTRACTION_SCHEMA, to_table
from tests.support.runs.extractions import invent
from tests.support.runs.rows import row


def test_outlines_are_those_of_the_rows() -> None:
    emptied = dataclasses.replace(row("e"), status="empty", entities=(), relations=())
    table = to_table([*invent(30, entities=9, relations=7, vocabulary=5), row("1"), emptied])
    tables = [table.slice(0, 7), table.slice(7)]
    rows = [row for batch in batch_rows(tables) for row in batch]
    found = compute_outlines(tables)
    assert found.to_pylist() == [
        {
            "study_id": row["study"]["study_id"],
            "key": row["study"]["key"],
            "digest": row["extraction"]["digest"],
            "patient": row["patient"]["key"],
            **{name: len(row[name]) for name in LISTS},
        }
        for row in rows
    ]
    assert count_outlined(found) == count_contents(rows)


def test_no_study_has_no_outline() -> None:
    for tables in ([], [EXTRACTION_SCHEMA.empty_table()]):
        found = compute_outlines(tables)
        assert (found.schema, found.num_rows) == (OUTLINE, 0)
        assert count_outlined(found) == count_contents([])
