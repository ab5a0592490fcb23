"""Comparisons stand beside the snapshots: made once, verified by hash, gone with their night."""

from __future__ import annotations

from pathlib import Path

import pytest

from radkg.population import diffs
from radkg.population.diffs import FOLDER, read_diff, remove_diffs
from radkg.run.diff import Diff, compare_snapshots
from radkg.run.snapshot import Snapshot, name_manifest, publish
from radkg.schema.arrow import to_table
from radkg.storage import LocalStorage, Storage
from tests.population.test_changes import flip
from tests.support.runs.populations import invent_patients

ROWS = invent_patients(40)


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return LocalStorage(tmp_path / "run")


@pytest.fixture
def nights(storage: Storage) -> tuple[Snapshot, Snapshot]:
    """The later one has other readings of five studies, lacks two, and has another one."""
    later = [*ROWS[2:10], *map(flip, ROWS[10:15]), *ROWS[15:], *invent_patients(1, seed=1)]
    before, after = (publish(storage, to_table(rows)) for rows in (ROWS, later))
    return before, after


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The later night of each comparison that is made."""
    made: list[str] = []

    def count(before: Snapshot, after: Snapshot, **more: object) -> Diff:
        made.append(after.snapshot_id)
        return compare_snapshots(before, after, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(diffs, "compare_snapshots", count)
    return made


def test_a_comparison_that_was_kept_is_the_same(storage, nights, compared):
    expected = compare_snapshots(*nights)
    assert len(expected.findings) > 5
    assert any(e.before and e.after for change in expected.findings for e in change.evidence)
    for _ in range(3):
        assert read_diff(*nights) == expected
    assert compared == [nights[1].snapshot_id]
    assert read_diff(*nights[::-1]) == compare_snapshots(*nights[::-1])
    assert len(storage.list_names(FOLDER)) == 2


def test_a_run_may_move(storage, nights, tmp_path):
    read_diff(*nights)
    storage.root.rename(tmp_path / "moved")
    moved = LocalStorage(tmp_path / "moved")
    here = [Snapshot(moved, each.snapshot_id, each.manifest) for each in nights]
    assert read_diff(*here) == compare_snapshots(*here)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff", None])
def test_what_is_not_whole_is_compared_again(storage, nights, compared, data):
    expected = read_diff(*nights)
    (name,) = storage.list_names(FOLDER)
    whole = storage.read(name)
    storage.write(name, whole.replace(b"OBS-DP", b"OBS-DA") if data is None else data)
    assert read_diff(*nights) == expected
    assert len(compared) == 2
    assert storage.list_names(FOLDER) == [name]
    assert storage.read(name) == whole


def test_another_version_is_compared_again(nights, compared, monkeypatch):
    read_diff(*nights)
    monkeypatch.setattr(diffs, "_VERSION", 2)
    for _ in range(2):
        assert read_diff(*nights) == compare_snapshots(*nights)
    assert len(compared) == 2


def test_a_comparison_goes_with_either_night(storage, nights):
    read_diff(*nights)
    assert remove_diffs(storage) == 0
    storage.delete(name_manifest(nights[0].snapshot_id))
    assert remove_diffs(storage) == 1
    assert storage.list_names(FOLDER) == []


def test_a_run_that_cannot_be_written_to_is_compared(storage, nights, compared, monkeypatch):
    def refuse(*_: object) -> None:
        raise diffs.StorageError("read-only")

    monkeypatch.setattr(diffs, "keep", refuse)
    for _ in range(2):
        assert read_diff(*nights) == compare_snapshots(*nights)
    assert len(compared) == 2
