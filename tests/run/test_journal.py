import pyarrow as pa
import pytest

from radkg.errors import SchemaError
from radkg.run.journal import Journal
from radkg.schema.arrow import to_parquet, to_table
from radkg.storage import open_storage
from tests.support.runs.rows import row


def test_the_unit_file_is_the_commit(tmp_path):
    journal = Journal(open_storage(str(tmp_path)), "m1")
    assert journal.list_done() == set()
    assert [journal.begin("u1"), journal.begin("u1"), journal.begin("u2")] == [0, 1, 0]
    assert journal.list_done() == set()
    rows = to_table([row("s1"), row("s2")])
    journal.commit("u1", rows)
    assert journal.list_done() == {"u1"}
    assert journal.read("u1").equals(rows)
    assert journal.begin("u1") == 0
    assert journal.begin("u2") == 1
    assert Journal(journal.storage, "m2").list_done() == set()


def test_two_workers_write_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        Journal(open_storage(str(tmp_path / name)), "m").commit("u", to_table([row("s1")]))
    name = "journal/m/u.parquet"
    assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize("damage", [b"PAR1", to_parquet(pa.table({"a": [1]}))])
def test_a_damaged_unit_says_what_to_do(tmp_path, damage):
    journal = Journal(open_storage(str(tmp_path)), "m")
    journal.storage.write("journal/m/u.parquet", damage)
    with pytest.raises(SchemaError, match=r"u\.parquet .*remove it and run the same command again"):
        journal.read("u")
