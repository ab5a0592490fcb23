import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from radkg.errors import StorageError
from radkg.storage import LocalStorage, open_storage
from tests.support.runs.disks import small_disk


@pytest.fixture(params=["local", "s3"])
def storage(request, tmp_path):
    if request.param == "local":
        return open_storage(str(tmp_path / "deep" / "root"))
    return open_storage(f"{request.getfixturevalue('s3_bucket')}/{tmp_path.name}")


def test_objects_are_written_read_listed_and_deleted(storage):
    assert storage.list_names("a") == []
    storage.write("a/two", b"22")
    storage.write("a/one", b"1")
    storage.write("ab", b"")
    assert storage.list_names("a") == ["a/one", "a/two"]
    assert storage.read("a/two") == b"22"
    storage.write("a/two", b"new")
    assert storage.read("a/two") == b"new"
    assert storage.exists("ab")
    assert not storage.exists("a/three")
    storage.delete("a/two")
    storage.delete("a/two")
    assert storage.list_names("a") == ["a/one"]


def test_a_missing_object_is_named(storage):
    with pytest.raises(StorageError, match=r"cannot read .*/gone"):
        storage.read("gone")


def test_a_storage_crosses_processes(storage):
    storage.write("x", b"1")
    assert pickle.loads(pickle.dumps(storage)).read("x") == b"1"


def test_other_addresses_are_refused():
    with pytest.raises(StorageError, match="s3://bucket/prefix"):
        open_storage("gs://bucket/x")


def test_readers_see_whole_objects_only(tmp_path):
    storage = LocalStorage(tmp_path)
    values = [bytes([n]) * 200_000 for n in range(2)]
    storage.write("x", values[0])
    stop = threading.Event()

    def write():
        while not stop.is_set():
            for value in values:
                storage.write("x", value)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        seen = {storage.read("x") for _ in range(300)}
    finally:
        stop.set()
        writer.join()
    assert seen <= set(values)
    assert storage.list_names("") == ["x"]


def test_what_is_created_stands_and_is_known(storage):
    assert storage.create("a/x", b"1")
    assert storage.create("a/x", b"1")
    assert not storage.create("a/x", b"2")
    assert storage.read("a/x") == b"1"
    assert storage.list_names("") == ["a/x"]


def test_writers_at_once_create_one_object(storage):
    values = [b"%d" % n for n in range(8)]
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda value: storage.create("x", value), values))
    assert [value for value, own in zip(values, made, strict=True) if own] == [storage.read("x")]


def test_a_full_disk_is_said_and_loses_nothing(tmp_path):
    with small_disk(tmp_path / "small") as disk:
        storage = LocalStorage(disk)
        storage.write("kept", b"k" * 1000)
        with pytest.raises(StorageError, match=r"No space left on device: free some space"):
            storage.write("kept", b"x" * 1_000_000)
        assert storage.read("kept") == b"k" * 1000
        assert [p.name for p in disk.iterdir()] == ["kept"]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"cannot write .*file/x: "):
        LocalStorage(tmp_path / "file").write("x", b"")


@pytest.mark.parametrize("uri", ["s3://", "s3:///x", ""])
def test_a_place_without_a_name_is_refused(uri):
    with pytest.raises(StorageError, match="s3://bucket/prefix"):
        open_storage(uri)


def test_an_s3_that_does_not_answer_is_said(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    storage = open_storage("s3://nowhere/x")
    with pytest.raises(StorageError, match=r"cannot read s3://nowhere/x/y: .*AWS_ENDPOINT_URL"):
        storage.read("y")
