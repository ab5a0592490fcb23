"""Nights are found as a person names them."""

import re
from pathlib import Path

import pytest

from radkg.errors import ConfigError, SnapshotError
from radkg.run.audit import AuditLog
from radkg.run.names import find_snapshot
from radkg.run.prune import prune
from radkg.run.snapshot import publish
from radkg.schema.arrow import to_table
from radkg.storage import Storage, open_storage
from tests.support.runs.rows import row


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return open_storage(str(tmp_path))


def night(storage: Storage, number: int, day: str) -> str:
    """Publish a night of one study, as a run of that day does."""
    rows = to_table([row("a", study_fingerprint=f"f{number}")])
    snapshot_id = publish(storage, rows).snapshot_id
    AuditLog(storage).record(
        "extract", {"snapshot_id": snapshot_id, "time": f"{day}T01:30:00+00:00"}
    )
    AuditLog(storage).record("load", {"loaded": snapshot_id, "time": f"{day}T02:30:00+00:00"})
    return snapshot_id


def test_by_id_beginning_and_date(storage: Storage) -> None:
    first = night(storage, 0, "2026-11-01")
    second = night(storage, 1, "2026-11-03")
    assert night(storage, 0, "2026-11-05") == first  # the study changed back
    names = {
        "CURRENT": first,
        first: first,
        second[:6]: second,
        "2026-11-01": first,
        "2026-11-02": first,
        "2026-11-03": second,
        "2026-11-04": second,
        "2027-01-01": first,
    }
    assert {name: find_snapshot(name, storage).snapshot_id for name in names} == names


def test_what_names_no_night_or_several(storage: Storage) -> None:
    with pytest.raises(SnapshotError, match="nothing is published"):
        find_snapshot("2026-11-01", storage)
    days = [f"2026-11-{number + 1:02}" for number in range(17)]
    ids = [night(storage, number, day) for number, day in enumerate(days)]
    first = [each[0] for each in ids]
    twice = next(letter for letter in first if first.count(letter) > 1)  # 17 ids, 16 letters
    several = ", ".join(sorted(each for each in ids if each[0] == twice))
    with pytest.raises(ConfigError, match=f"'{twice}' is the beginning of several.*: {several}"):
        find_snapshot(twice, storage)
    for name in ("x", "", "2026-10-31", "2026-13-01"):
        there = re.escape(f"no snapshot {name!r}: there stand {ids[0]} (2026-11-01), {ids[1]} (")
        with pytest.raises(ConfigError, match=there):
            find_snapshot(name, storage)


def test_a_pruned_night_names_those_that_stand(storage: Storage) -> None:
    ids = [night(storage, number, f"2026-11-0{number + 1}") for number in range(3)]
    prune(storage, keep=2)
    those = f"there stand {ids[1]} (2026-11-02), {ids[2]} (2026-11-03)"
    said = re.escape(f"snapshot {ids[0]} (2026-11-01) was pruned: {those}")
    for name in (ids[0], ids[0][:10], "2026-11-01"):
        with pytest.raises(SnapshotError, match=said):
            find_snapshot(name, storage)
