import fcntl
import json
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest

from radkg.errors import SnapshotError
from radkg.run import snapshot as module
from radkg.run.snapshot import POINTER, publish, read_snapshot
from radkg.schema.arrow import from_table, to_table
from radkg.storage import open_storage
from tests.support.runs.rows import row


def files(root):
    return {p.relative_to(root): p.read_bytes() for p in root.rglob("*") if p.is_file()}


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(module, "MEAN_PART_ROWS", 8)


def test_the_bytes_depend_on_the_rows_alone(tmp_path, small_parts):
    rows = [row(f"s{i}") for i in range(100)]
    publish(open_storage(str(tmp_path / "a")), to_table(rows))
    random.Random(0).shuffle(rows)
    pieces = pa.concat_tables([to_table(rows[:33]), to_table(rows[33:])])
    snapshot = publish(open_storage(str(tmp_path / "b")), pieces)
    assert files(tmp_path / "a") == files(tmp_path / "b")
    assert len(snapshot.manifest["parts"]) > 3


def test_what_is_read_is_what_was_published_in_order(tmp_path, small_parts):
    rows = [row(f"s{i}", study_date=None) for i in range(50)]
    rows[7] = row("s7", status="failed", reason="no reason", entities=(), relations=())
    publish(open_storage(str(tmp_path)), to_table(rows))
    snapshot = read_snapshot(open_storage(str(tmp_path)))
    found = [r for table in snapshot.read_tables() for r in from_table(table)]
    assert found == sorted(rows, key=lambda r: r.study_id)
    assert snapshot.manifest["status"] == {"ok": 49, "empty": 0, "failed": 1}
    assert snapshot.num_studies == 50


def test_one_changed_study_changes_one_part(tmp_path, small_parts):
    rows = [row(f"s{i}") for i in range(100)]
    storage = open_storage(str(tmp_path))
    before = publish(storage, to_table(rows)).manifest["parts"]
    rows[50] = row("s50", model_id="m1", study_fingerprint="new")
    after = publish(storage, to_table(rows)).manifest["parts"]
    assert sum(a != b for a, b in zip(before, after, strict=True)) == 1


def test_publishing_again_touches_nothing(tmp_path):
    storage = open_storage(str(tmp_path))
    publish(storage, to_table([row("s1")]))
    stamps = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")}
    publish(storage, to_table([row("s1")]))
    assert stamps == {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")}


def test_a_reader_keeps_its_night(tmp_path):
    storage = open_storage(str(tmp_path))
    publish(storage, to_table([row("s1")]))
    old = read_snapshot(storage)
    publish(storage, to_table([row("s1"), row("s2")]))
    assert [table.num_rows for table in old.read_tables()] == [1]
    assert [table.num_rows for table in read_snapshot(storage).read_tables()] == [2]


def test_nothing_published_says_what_to_do(tmp_path):
    with pytest.raises(SnapshotError, match="radkg extract"):
        read_snapshot(open_storage(str(tmp_path)))


def test_any_changed_byte_is_noticed(tmp_path):
    storage = open_storage(str(tmp_path))
    publish(storage, to_table([row(f"s{i}") for i in range(20)]))
    (part,) = (tmp_path / "snapshot/parts").iterdir()
    data = part.read_bytes()
    for place in range(0, len(data), max(1, len(data) // 50)):
        part.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        with pytest.raises(SnapshotError, match="was changed"):
            list(read_snapshot(storage).read_tables())
    part.unlink()
    with pytest.raises(SnapshotError, match="is gone"):
        list(read_snapshot(storage).read_tables())


@pytest.mark.parametrize("damage", [b"", b"PAR1 torn"])
def test_a_damaged_object_is_written_again(tmp_path, caplog, damage):
    """By the same publication again, also where the pointer names the night already."""
    storage = open_storage(str(tmp_path))
    rows = to_table([row(f"s{i}") for i in range(20)])
    publish(storage, rows)
    whole = files(tmp_path)
    for name in [n for n in storage.list_names("snapshot") if n != POINTER]:
        storage.write(name, damage)
        publish(storage, rows)
        assert files(tmp_path) == whole
        assert f"{name} was damaged" in caplog.messages[-1]


@pytest.mark.parametrize("where", ["disk", "s3"])
def test_of_two_that_publish_at_once_one_is_current_and_both_stand_whole(
    request, tmp_path, small_parts, where
):
    bucket = request.getfixturevalue("s3_bucket") if where == "s3" else str(tmp_path)
    storage = open_storage(f"{bucket}/{tmp_path.name}")
    mine, others = [row(f"s{i}") for i in range(60)], [row(f"s{i}") for i in range(9, 70)]
    meet = threading.Barrier(2)

    def driver(rows):
        own = open_storage(storage.uri)
        meet.wait()
        return publish(own, to_table(rows)).snapshot_id

    for round in range(5):
        mine[0], others[-1] = (row(f"s{n}", study_fingerprint=f"v{round}") for n in (0, 69))
        with ThreadPoolExecutor(2) as pool:
            nights = list(pool.map(driver, (mine, others)))
        assert read_snapshot(storage).snapshot_id in nights
        for night, rows in zip(nights, (mine, others), strict=True):
            found = read_snapshot(storage, night)
            assert [r for t in found.read_tables() for r in from_table(t)] == sorted(
                rows, key=lambda r: r.study_id
            )


def test_what_killed_writers_left_goes_and_what_is_being_written_stays(tmp_path):
    storage = open_storage(str(tmp_path))
    abandoned, used = tmp_path / "journal/.tmp-dead", tmp_path / "journal/.tmp-alive"
    abandoned.parent.mkdir()
    abandoned.write_bytes(b"half")
    with used.open("xb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        publish(storage, to_table([row("s1")]))
        assert [path.name for path in abandoned.parent.iterdir()] == [used.name]


def test_a_changed_manifest_is_noticed(tmp_path):
    storage = open_storage(str(tmp_path))
    publish(storage, to_table([row("s1")]))
    (path,) = (tmp_path / "snapshot").glob("manifest-*.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"num_studies": 2}))
    with pytest.raises(SnapshotError, match="manifest"):
        read_snapshot(storage)


@pytest.mark.parametrize("rows", [[], [row("s1"), row("s1")]])
def test_a_study_stands_once(tmp_path, rows):
    with pytest.raises(SnapshotError, match="each study must stand once"):
        publish(open_storage(str(tmp_path)), to_table(rows))
    assert not (tmp_path / POINTER).exists()


@pytest.mark.parametrize("pointer", [b"", b"../../x", b"\x00", b"0123456789abcdef"])
def test_a_broken_pointer_says_what_to_do(tmp_path, pointer):
    storage = open_storage(str(tmp_path))
    storage.write(POINTER, pointer)
    with pytest.raises(SnapshotError, match=r"remove snapshot/CURRENT there and run"):
        read_snapshot(storage)


def test_rows_of_two_models_are_not_one_snapshot(tmp_path):
    with pytest.raises(SnapshotError, match=r"model_id differs between rows \(m1, m2\)"):
        publish(open_storage(str(tmp_path)), to_table([row("s1"), row("s2", model_id="m2")]))


def test_rows_may_differ_in_condition(tmp_path):
    rows = [row("s1"), row("s2", condition="image+report")]
    manifest = publish(open_storage(str(tmp_path)), to_table(rows)).manifest
    assert manifest["condition"] == {"image+report": 1, "report": 1, "image": 0}
