"""Digests of studies: equal if and only if the rows are, however the table lies in memory."""

import dataclasses
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radkg.graph.rows.digests import compute_digests
from radkg.schema.arrow import EXTRACTION_SCHEMA, from_parquet, to_parquet, to_table
from tests.support.runs.rows import row

TEXTS = st.text(max_size=3)
INTS = st.integers(-(2**31), 2**31 - 1)
FLOATS = st.floats()  # infinite, NaN and -0.0 too
VALUES = {
    pa.string(): TEXTS,
    pa.int32(): INTS,
    pa.float64(): FLOATS,
    pa.date32(): st.dates(),
}


def values(field: pa.Field) -> st.SearchStrategy[Any]:
    kind = field.type
    if pa.types.is_list(kind):
        found = st.lists(values(kind.value_field), max_size=3)
    elif pa.types.is_struct(kind):
        found = st.fixed_dictionaries({each.name: values(each) for each in kind})
    else:
        found = VALUES[kind]
    return st.none() | found if field.nullable else found


RECORDS = st.fixed_dictionaries({field.name: values(field) for field in EXTRACTION_SCHEMA})


def table(records: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(records, EXTRACTION_SCHEMA)


def same(one: Any, other: Any) -> bool:
    """The definition, on Python's values."""
    return repr(plain(one)) == repr(plain(other))


def plain(value: Any, *, ordered: bool = True) -> Any:
    """Return a value in the one form that all values equal to it have."""
    if isinstance(value, dict):
        return [(name, plain(value[name], ordered=name != "relations")) for name in sorted(value)]
    if isinstance(value, list):
        items = [plain(item) for item in value]
        return items if ordered else sorted(items, key=repr)
    if isinstance(value, float):
        return value + 0.0  # no -0.0
    return value


@settings(max_examples=60, deadline=None)
@given(RECORDS, RECORDS)
def test_other_rows_have_other_digests(one: dict[str, Any], other: dict[str, Any]) -> None:
    first, second = compute_digests(table([one, other]), 1).to_pylist()
    assert (first == second) == same(one, other)


def places(field: pa.Field, value: Any, path: tuple[Any, ...] = ()) -> list[Any]:
    """Where a value stands that is no list and no struct, and its field."""
    if value is None or not pa.types.is_nested(field.type):
        return [(path, field)]
    if pa.types.is_list(field.type):
        within = [(i, field.type.value_field) for i in range(len(value))]
    else:
        within = [(each.name, each) for each in field.type]
    return [found for key, each in within for found in places(each, value[key], (*path, key))]


WHOLE = pa.field("", pa.struct(list(EXTRACTION_SCHEMA)))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_one_value_changed_changes_the_digest_of_its_row_alone(data: st.DataObject) -> None:
    records = [data.draw(RECORDS) for _ in range(3)]
    path, field = data.draw(st.sampled_from(places(WHOLE, records[1])))
    changed = table(records).to_pylist()
    parent: Any = changed[1]
    for step in path[:-1]:
        parent = parent[step]
    parent[path[-1]] = data.draw(values(field))
    before, after = (compute_digests(table(each), 1).to_pylist() for each in (records, changed))
    assert (before[0], before[2]) == (after[0], after[2])
    assert (before[1] == after[1]) == same(records[1], changed[1])


@settings(max_examples=60, deadline=None)
@given(st.lists(RECORDS, max_size=8), st.integers(0, 8), st.integers(1, 4))
def test_digests_do_not_depend_on_chunks_and_slices(
    records: list[dict[str, Any]], start: int, size: int
) -> None:
    each = [compute_digests(table([record]), 1)[0].as_py() for record in records]
    whole = table(records)
    assert compute_digests(whole, 1).to_pylist() == each
    assert compute_digests(whole.slice(start), 1).to_pylist() == each[start:]
    chunks = pa.Table.from_batches(whole.to_batches(max_chunksize=size), EXTRACTION_SCHEMA)
    assert compute_digests(chunks, 1).to_pylist() == each
    assert compute_digests(whole.select(sorted(EXTRACTION_SCHEMA.names)), 1).to_pylist() == each
    assert compute_digests(from_parquet(to_parquet(whole), "rows"), 1).to_pylist() == each


def test_what_is_equal_has_one_digest() -> None:
    first = row("1")
    relations = first.relations
    confidences = [dataclasses.replace(relations[0], confidence=c) for c in (0.0, -0.0)]

    def digest(**changes: Any) -> Any:
        return compute_digests(to_table([dataclasses.replace(first, **changes)]), 1)[0].as_py()

    assert digest(relations=relations[::-1]) == digest()
    assert digest(relations=(confidences[0],)) == digest(relations=(confidences[1],))
    assert digest(relations=relations[:1] * 2) != digest(relations=relations[:1])
    assert digest(entities=first.entities[::-1]) != digest()
    assert digest(sex="") != digest(sex=None)
    assert digest(age=0) != digest(age=None)


def test_the_bits_of_a_nan_do_not_matter() -> None:
    bits = np.array([0x7FF8000000000000, 0xFFF8000000000001], np.uint64)
    floats = pa.array(bits.view(np.float64))
    records = pa.concat_tables([to_table([row("1")])] * 2)
    relations = pa.StructArray.from_arrays(
        [
            pa.array([0, 0], pa.int32()),
            pa.array([1, 1], pa.int32()),
            pa.array(["modify"] * 2),
            floats,
        ],
        fields=list(EXTRACTION_SCHEMA.field("relations").type.value_type),
    )
    at = EXTRACTION_SCHEMA.names.index("relations")
    column = pa.ListArray.from_arrays(
        pa.array([0, 1, 2], pa.int32()), relations, type=EXTRACTION_SCHEMA.field(at).type
    )
    first, second = compute_digests(records.set_column(at, EXTRACTION_SCHEMA.field(at), column), 1)
    assert first == second


def test_neighbours_have_distinct_digests_in_either_half() -> None:
    """Where a sum of weak hashes would meet itself."""
    number = 20_000
    many = to_table([row("1")]).take(pa.array(np.zeros(number, np.int64)))
    ages = pa.array(range(number), pa.int32())
    at = EXTRACTION_SCHEMA.names.index("age")
    found = compute_digests(many.set_column(at, EXTRACTION_SCHEMA.field("age"), ages), 1)
    for half in (pc.utf8_slice_codeunits(found, 0, 16), pc.utf8_slice_codeunits(found, 16)):
        assert len(half.unique()) == number


def test_no_study_has_no_digest_and_another_shape_another_one() -> None:
    assert compute_digests(EXTRACTION_SCHEMA.empty_table(), 1).to_pylist() == []
    rows = to_table([row("1")])
    (one,), (other,) = compute_digests(rows, 1), compute_digests(rows, 2)
    assert one != other
    assert len(one.as_py()) == 32


def test_a_missing_column_is_refused() -> None:
    with pytest.raises(KeyError):
        compute_digests(to_table([row("1")]).drop_columns(["age"]), 1)


def test_a_digest_is_the_same_everywhere_and_always() -> None:
    """It stands in graphs: who computes another one must raise rows.FORMAT."""
    assert compute_digests(to_table([row("1")]), 1).to_pylist() == [
        "9ac91822b0788ad7e8a0f89f74111af3"
    ]
