import pytest

from radkg.errors import ConfigError, SnapshotError
from radkg.run.audit import AuditLog
from radkg.run.journal import Journal
from radkg.run.prune import prune
from radkg.run.snapshot import list_snapshot_ids, publish, read_snapshot
from radkg.schema.arrow import to_table
from radkg.storage import Storage, open_storage
from tests.support.runs.rows import row


@pytest.fixture
def storage(tmp_path) -> Storage:
    return open_storage(str(tmp_path))


def night(storage: Storage, number: int, model_id: str = "m1") -> str:
    """Publish a night of three studies, of which one changes every night, as a run does."""
    rows = [row("a", model_id=model_id), row("b", model_id=model_id)]
    rows.append(row("c", model_id=model_id, study_fingerprint=f"f{number}"))
    snapshot_id = publish(storage, to_table(rows)).snapshot_id
    Journal(storage, model_id).commit(f"{model_id}-{number}", to_table(rows[-1:]))
    AuditLog(storage).record("extract", {"snapshot_id": snapshot_id, "model_id": model_id})
    return snapshot_id


def units(storage: Storage, model_id: str) -> set[str]:
    return Journal(storage, model_id).list_done()


def test_the_last_nights_stay_whole_and_the_others_go(storage):
    nights = [night(storage, n) for n in range(5)]
    AuditLog(storage).record("load", {"loaded": nights[0]})
    report = prune(storage, keep=2)
    assert (report.nights, report.parts, report.kept) == (3, 3, 2)
    assert set(list_snapshot_ids(storage)) == set(nights[3:])
    for snapshot_id in nights[3:]:
        assert sum(t.num_rows for t in read_snapshot(storage, snapshot_id).read_tables()) == 3
    assert prune(storage, keep=2) == type(report)(0, 0, 0, 2)
    assert AuditLog(storage).verify().ok


def test_a_night_that_came_back_counts_as_the_newest(storage):
    first = night(storage, 0)
    second, third = night(storage, 1), night(storage, 2)
    assert night(storage, 0) == first  # the study changed back
    prune(storage, keep=2)
    assert set(list_snapshot_ids(storage)) == {first, third} != {first, second}


def test_units_go_once_their_rows_are_published(storage):
    night(storage, 0)
    open_journal = Journal(storage, "m1")
    open_journal.commit("unfinished", to_table([row("d")]))  # of a run that was stopped
    open_journal.begin("m1-0")  # a kill between the commit and this
    open_journal.begin("going on")
    assert prune(storage, keep=1).units == 1
    assert units(storage, "m1") == {"unfinished"}
    assert [n.rpartition("/")[2] for n in storage.list_names("attempts")] == ["going on-0"]


def test_units_of_a_past_model_go_with_its_last_night(storage):
    night(storage, 0, "old")
    Journal(storage, "next").commit("u", to_table([row("a", model_id="next")]))
    night(storage, 1, "new")
    prune(storage, keep=2)
    assert units(storage, "old") == {"old-0"}
    prune(storage, keep=1)
    assert (units(storage, "old"), units(storage, "new")) == (set(), set())
    assert units(storage, "next") == {"u"}  # it has published nothing yet: its run may go on


def test_a_night_that_the_log_does_not_know_stays(storage):
    imported = publish(storage, to_table([row("a")])).snapshot_id
    night(storage, 1)
    prune(storage, keep=1)
    assert imported in list_snapshot_ids(storage)


def test_nothing_to_keep_is_refused(storage):
    with pytest.raises(SnapshotError):
        prune(storage, keep=1)
    night(storage, 0)
    with pytest.raises(ConfigError, match="at least 1 snapshot"):
        prune(storage, keep=0)
