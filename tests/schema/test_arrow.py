import dataclasses

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from radkg.errors import SchemaError
from radkg.schema.arrow import (
    EXTRACTION_SCHEMA,
    INDEX_SCHEMA,
    complete_columns,
    from_parquet,
    from_table,
    to_parquet,
    to_table,
)
from radkg.schema.records import Entity, Extraction
from tests.support.runs.rows import row

SEEN = Entity("effusion", "OBS-U", "effusion", None, None, None, "image", 0.125)
ROWS = [
    row("s1"),
    row("s2", study_date=None, entities=(), relations=(), status="empty"),
    row("s3", status="failed", reason="why", entities=(), relations=()),
    row("s4", entities=(SEEN,), relations=(), view_positions=("LATERAL", "PA"), age=90, sex="male"),
]


def test_rows_round_trip_through_parquet():
    data = to_parquet(to_table(ROWS))
    table = from_parquet(data, "x")
    assert table.schema.equals(EXTRACTION_SCHEMA, check_metadata=True)
    assert from_table(table) == ROWS


def test_columns_are_built_as_rows_would_be():
    rows = [dataclasses.asdict(found) for found in ROWS]
    assert to_table(ROWS).equals(pa.Table.from_pylist(rows, schema=EXTRACTION_SCHEMA))
    assert to_table([]).equals(EXTRACTION_SCHEMA.empty_table())
    to_table(ROWS).validate(full=True)


def test_equal_tables_give_equal_bytes():
    chunked = pa.concat_tables([to_table(ROWS[:1]), to_table(ROWS[1:])])
    assert to_parquet(chunked) == to_parquet(to_table(ROWS))


def test_the_columns_are_the_record():
    assert EXTRACTION_SCHEMA.names == list(Extraction.__dataclass_fields__)
    entity = EXTRACTION_SCHEMA.field("entities").type.value_type
    assert [field.name for field in entity] == list(Entity.__dataclass_fields__)


@pytest.mark.parametrize("schema", [EXTRACTION_SCHEMA, INDEX_SCHEMA])
def test_every_field_says_what_it_holds(schema):
    for field in schema:
        assert field.metadata[b"doc"]
        assert field.metadata[b"phi"] in (b"no", b"id", b"date", b"text")


def test_rows_of_the_first_version_know_no_age_sex_or_view():
    names = EXTRACTION_SCHEMA.names[:-3]
    assert EXTRACTION_SCHEMA.names[-3:] == ["view_positions", "age", "sex"]
    found = complete_columns(to_table(ROWS).select(names))
    assert found.schema.equals(EXTRACTION_SCHEMA, check_metadata=True)
    unknown = {"view_positions": (), "age": None, "sex": None}
    assert from_table(found) == [dataclasses.replace(row, **unknown) for row in ROWS]
    assert complete_columns(to_table(ROWS)).equals(to_table(ROWS))


def test_other_tables_and_bytes_are_refused():
    with pytest.raises(SchemaError, match="columns"):
        from_table(complete_columns(pa.table({"a": [1]})))
    with pytest.raises(SchemaError, match="x is not a Parquet file"):
        from_parquet(b"PAR1", "x")


def test_no_thread_of_arrow_holds_an_object_of_python(monkeypatch):
    """Else a process that ends right after a read aborts, once in a while."""
    addresses = []
    read = pq.read_table

    def look(source, **options):
        addresses.append(source.read_buffer(1).address)
        source.seek(0)
        return read(source, **options)

    monkeypatch.setattr(pq, "read_table", look)
    data = to_parquet(to_table(ROWS))
    assert from_table(from_parquet(data, "rows")) == list(ROWS)
    start = pa.py_buffer(data).address
    (address,) = addresses
    assert not start <= address < start + len(data)
