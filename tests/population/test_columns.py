"""Columns stand beside the snapshots: derived once, verified by hash, gone with their part."""

from __future__ import annotations

import logging
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from radkg.population import columns
from radkg.population.building import build_population, open_population
from radkg.population.columns import FOLDER, build_columns, read_columns, remove_columns
from radkg.run.changes import find_changes
from radkg.run.prune import prune
from radkg.run.retractions import record_retraction
from radkg.run.snapshot import MEAN_PART_ROWS, Snapshot, publish, read_snapshot
from radkg.schema.arrow import to_table
from radkg.schema.records import Extraction
from radkg.storage import LocalStorage, Storage
from tests.run.test_prune import night
from tests.support.runs.populations import invent_patients

ROWS = invent_patients(60)


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return LocalStorage(tmp_path / "run")


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("radkg.run.snapshot.MEAN_PART_ROWS", 8)
    assert MEAN_PART_ROWS > 8


def published(storage: Storage, rows: list[Extraction]) -> Snapshot:
    return publish(storage, to_table(rows))


def changed(rows: list[Extraction]) -> list[Extraction]:
    """One study is read otherwise, one goes and one comes."""
    other = replace(rows[20], status="empty", entities=(), relations=(), reason=None)
    return [*rows[1:20], other, *rows[21:], replace(rows[3], study_id="t1")]


def test_columns_are_derived_once_for_each_part(storage, monkeypatch):
    snapshot = published(storage, ROWS)
    assert len(snapshot.parts) > 3
    population = open_population(snapshot)
    assert population.study_id.to_pylist() == [row.study_id for row in ROWS]
    assert len(storage.list_names(FOLDER)) == len(snapshot.parts)
    mode = stat.S_IMODE(os.stat(storage.root / storage.list_names(FOLDER)[0]).st_mode)
    assert mode == 0o600

    later = published(storage, changed(ROWS))
    read: list[str] = []
    monkeypatch.setattr(
        Snapshot, "read_part", lambda own, part: read.append(part) or original(own, part)
    )
    open_population(later)
    assert sorted(read) == sorted(set(later.parts) - set(snapshot.parts))
    assert 0 < len(read) < len(later.parts)
    read.clear()
    assert list(map(len, read_columns(later)))
    assert build_columns(later) == 0
    assert read == []


original = Snapshot.read_part


def test_what_did_not_change_keeps_its_columns_byte_for_byte(tmp_path, storage, monkeypatch):
    before, after = published(storage, ROWS), published(storage, changed(ROWS))
    build_columns(before)
    derived: list[int] = []
    derive = columns.compute_columns
    monkeypatch.setattr(
        columns, "compute_columns", lambda rows: derived.append(rows.num_rows) or derive(rows)
    )
    number = build_columns(after, before=before, changes=find_changes(before, after))
    assert number == len(set(after.parts) - set(before.parts))
    assert sum(derived) == 2  # the study that is read otherwise, and the one that came
    alone = LocalStorage(tmp_path / "alone")
    build_columns(published(alone, changed(ROWS)))
    names = alone.list_names(FOLDER)
    assert set(names) <= set(storage.list_names(FOLDER))
    assert all(storage.read(name) == alone.read(name) for name in names)


def test_changes_of_other_nights_are_not_trusted(storage):
    first, other, after = (published(storage, rows) for rows in (ROWS, ROWS[10:], changed(ROWS)))
    build_columns(first)
    wrong = find_changes(first, other)
    build_columns(after, before=first, changes=wrong)
    again = build_population(read_columns(after), "invented", "rules", after.manifest)
    assert again.study_id.to_pylist() == [row.study_id for row in changed(ROWS)]


def test_damaged_columns_are_derived_again(storage, caplog):
    snapshot = published(storage, ROWS)
    build_columns(snapshot)
    name, other = storage.list_names(FOLDER)[:2]
    good = storage.read(name)
    storage.write(name, good[:-1] + b"x")
    storage.write(other, b"")
    with caplog.at_level(logging.WARNING):
        population = open_population(snapshot)
    assert len(population) == len(ROWS)
    assert caplog.text.count("it is derived again") == 2
    assert storage.read(name) == good


def test_columns_of_another_version_are_derived_again(storage, monkeypatch):
    snapshot = published(storage, ROWS)
    monkeypatch.setattr(
        columns, "COLUMNS", columns.COLUMNS.with_metadata({b"radkg.population": b"0"})
    )
    build_columns(snapshot)
    monkeypatch.undo()
    assert len(open_population(snapshot)) == len(ROWS)
    assert len(storage.list_names(FOLDER)) == len(snapshot.parts)


def test_a_run_that_cannot_be_written_is_read_all_the_same(storage, caplog):
    snapshot = published(storage, ROWS)
    (storage.root / FOLDER).write_text("no directory")
    assert len(list(read_columns(snapshot))) == len(snapshot.parts)
    assert "are not kept" in caplog.text


def test_columns_go_with_their_part(storage):
    for number in range(3):
        night(storage, number)
        build_columns(read_snapshot(storage))
    standing = len(storage.list_names(FOLDER))
    prune(storage, keep=1)
    assert remove_columns(storage) > 0
    assert 0 < len(storage.list_names(FOLDER)) < standing
    assert build_columns(read_snapshot(storage)) == 0


def test_what_is_retracted_is_not_of_the_population(storage):
    snapshot = published(storage, ROWS)
    whole = open_population(snapshot)
    study, subject = ROWS[0].study_id, ROWS[10].subject_id
    of_subject = sum(row.subject_id == subject for row in ROWS)
    record_retraction(storage, "study", study, undo=False)
    record_retraction(storage, "subject", subject, undo=False)
    hidden = open_population(snapshot)
    assert whole.visible.sum() - hidden.visible.sum() == 1 + of_subject
    record_retraction(storage, "run", snapshot.snapshot_id, undo=False)
    assert open_population(snapshot).visible.sum() == 0
