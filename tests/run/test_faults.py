"""An S3 that fails at a seeded request: small faults pass, lasting ones end the run and heal."""

import os

import pytest

from radkg.errors import StorageError
from radkg.storage import open_storage
from tests.support.faults.s3_proxy import PASSING, faulty
from tests.support.faults.s3_runs import PATIENCE_S, FaultyRuns, chosen
from tests.support.runs.fork_server import Nursery
from tests.support.runs.kills import histories


@pytest.fixture(scope="module")
def proxy(s3_bucket):
    with faulty(os.environ["AWS_ENDPOINT_URL"], PATIENCE_S) as found:
        yield found


@pytest.fixture(scope="module")
def runs(proxy, s3_bucket, tmp_path_factory):
    folder = tmp_path_factory.mktemp("faults")
    with Nursery(folder / "read") as nursery:
        found = FaultyRuns(nursery, proxy, s3_bucket)
        found.all = histories(folder, nursery, count=8)
        found.total = found.requests(found.all["second night"])
        yield found


@pytest.mark.parametrize("kind", PASSING)
def test_a_request_that_fails_in_passing_is_sent_again(runs, kind):
    for request in chosen(runs.total, kind, 2):
        assert runs.pass_through(runs.all["second night"], kind, request).problems == []


@pytest.mark.parametrize(
    ("kind", "hint"),
    [
        ("expired", "renew or check the credentials"),
        ("slow down", "run the same command when the store answers again"),
        ("dropped", "check AWS_ENDPOINT_URL, the network and the credentials"),
    ],
)
def test_a_store_that_stays_broken_ends_the_run_and_the_next_one_finishes_it(runs, kind, hint):
    (request,) = chosen(runs.total, kind, 1)
    assert runs.recover(runs.all["second night"], kind, request, hint).problems == []


def test_killed_at_any_request_the_next_run_publishes_the_same_bytes(runs):
    for seed in "abc":
        assert runs.kill(runs.all["second night"], chosen(runs.total, seed, 2)).problems == []


@pytest.fixture
def storage(proxy, s3_bucket, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.address)
    proxy.reset()
    return open_storage(f"{s3_bucket}/{tmp_path.name}")


@pytest.mark.parametrize("kind", ["unanswered", "conflict"])
def test_what_was_put_is_ones_own_though_the_answer_was_lost(storage, proxy, kind):
    proxy.disturb(kind, 1)
    assert storage.create("x", b"mine")
    assert proxy.count > 1
    assert storage.read("x") == b"mine"


def test_what_another_put_is_not_ones_own(storage, proxy):
    open_storage(storage.uri).write("x", b"another's")
    assert not storage.create("x", b"mine")
    assert storage.read("x") == b"another's"


def test_conflicts_without_end_are_said(storage, proxy):
    proxy.disturb("conflict", 1, 100)
    with pytest.raises(StorageError, match="conflicting operation occurred: run the same command"):
        storage.create("x", b"mine")
