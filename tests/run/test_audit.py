"""The audit log: every run has a line, and no byte of it can change unseen."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from radkg.cli.app import app
from radkg.run.audit import START, AuditLog, hash_input
from radkg.run.snapshot import POINTER
from radkg.storage import open_storage


@pytest.fixture(params=["disk", "s3"])
def storage(request, tmp_path, s3_bucket):
    place = tmp_path if request.param == "disk" else f"{s3_bucket}/{tmp_path.name}"
    return open_storage(str(place))


def log(storage, runs=3):
    return [AuditLog(storage).record("extract", {"studies": n}) for n in range(runs)]


def test_every_run_has_a_line_that_follows_the_one_before(storage):
    hashes = log(storage)
    found = list(AuditLog(storage).read_lines())
    assert [line["studies"] for line in found] == [0, 1, 2]
    assert [line["previous"] for line in found] == [START, *hashes[:2]]
    assert all("@" in line["who"] and line["radkg_version"] for line in found)
    report = AuditLog(storage).verify(hashes[1])
    assert (report.ok, report.runs, report.last) == (True, 3, hashes[-1])


def test_runs_that_end_at_once_take_one_number_each(storage):
    with ThreadPoolExecutor(4) as pool:
        hashes = list(pool.map(lambda n: AuditLog(storage).record("load", {"n": n}), range(12)))
    assert len(set(hashes)) == 12
    assert AuditLog(storage).verify().ok
    assert sorted(line["n"] for line in AuditLog(storage).read_lines()) == list(range(12))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_changed_byte_is_found(tmp_path_factory, data):
    storage = open_storage(str(tmp_path_factory.mktemp("log")))
    log(storage)
    name = data.draw(st.sampled_from(storage.list_names("audit")))
    content = bytearray(storage.read(name))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    storage.write(name, bytes(content))
    assert not AuditLog(storage).verify().ok


def test_a_line_that_is_gone_or_put_in_is_found(storage):
    last = log(storage)[-1]
    stolen = storage.read("audit/00000003.json")
    storage.delete("audit/00000003.json")
    assert AuditLog(storage).verify().ok  # the chain alone cannot tell
    assert "cut or written anew" in AuditLog(storage).verify(last).problems[0]
    storage.write("audit/00000004.json", stolen)
    assert "stands where audit/00000003.json should" in AuditLog(storage).verify().problems[0]
    storage.delete("audit/00000004.json")
    storage.delete("audit/00000001.json")
    assert not AuditLog(storage).verify().ok


def test_what_is_published_must_be_in_the_log(tmp_path):
    storage = open_storage(str(tmp_path))
    assert AuditLog(storage).verify().ok
    storage.write(POINTER, b"0123456789abcdef\n")
    assert "find out who published it" in AuditLog(storage).verify().problems[0]
    AuditLog(storage).record("extract", {"snapshot_id": "0123456789abcdef"})
    AuditLog(storage).record("load", {"loaded": "0123456789abcdef"})
    assert AuditLog(storage).verify().ok


def test_the_input_is_known_whatever_its_order():
    records = [{"study_id": i, "fingerprint": f} for i, f in (("a", "1"), ("b", "2"))]
    assert hash_input(records) == hash_input(records[::-1])
    assert hash_input(records) != hash_input(records[:1])


def test_the_command_line(tmp_path):
    storage = open_storage(str(tmp_path))
    (first,) = log(storage, 1)
    shown = CliRunner().invoke(app, ["audit", "show", "--out", str(tmp_path)])
    assert json.loads(shown.stdout)["studies"] == 0
    said = CliRunner().invoke(app, ["audit", "verify", "--out", str(tmp_path), "--last", first])
    assert said.exit_code == 0
    assert said.stdout == f"all 1 runs stand as they were written\nlast: {first}\n"
    storage.write("audit/00000001.json", b"\xff")
    broken = CliRunner().invoke(app, ["audit", "verify", "--json", "--out", str(tmp_path)])
    assert broken.exit_code == 1
    report = json.loads(broken.stdout)
    assert not report["ok"]
    assert "not as it was written" in report["problems"][0]
    assert "damaged" in CliRunner().invoke(app, ["audit", "show", "--out", str(tmp_path)]).stdout


def test_a_copy_that_an_editor_left_stops_no_run(tmp_path):
    storage = open_storage(str(tmp_path))
    AuditLog(storage).record("extract", {})
    storage.write("audit/00000001.json~", storage.read("audit/00000001.json"))
    AuditLog(storage).record("extract", {})
    assert storage.exists("audit/00000002.json")
    assert not AuditLog(storage).verify().ok  # it is said, all the same
