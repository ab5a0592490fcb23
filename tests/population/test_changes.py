"""What changed between two nights, by the columns, is what `radkg diff` says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from radkg.population.building import open_population
from radkg.population.changes import compare_nights
from radkg.run.diff import compare_snapshots
from radkg.run.retractions import record_retraction
from radkg.run.snapshot import publish
from radkg.schema.arrow import to_table
from radkg.schema.records import Extraction
from radkg.storage import LocalStorage
from tests.support.runs.populations import invent_patients


def flip(row: Extraction) -> Extraction:
    labels = {"OBS-DP": "OBS-DA", "OBS-DA": "OBS-U", "OBS-U": "OBS-DP", "ANAT-DP": "ANAT-DP"}
    entities = tuple(replace(each, label=labels[each.label]) for each in row.entities[:-2])
    return replace(row, entities=entities, relations=())


@pytest.mark.parametrize("mean_part_rows", [10, 8192])
def test_the_columns_find_the_changes_of_diff(tmp_path, monkeypatch, mean_part_rows):
    monkeypatch.setattr("radkg.run.snapshot.MEAN_PART_ROWS", mean_part_rows)
    rows = invent_patients(80)
    failed = replace(rows[5], status="failed", reason="x", entities=(), relations=())
    later = [*rows[2:5], failed, *map(flip, rows[6:12]), *rows[12:]]
    later += [replace(row, study_id=f"t{row.study_id}") for row in invent_patients(5, seed=1)]
    storage = LocalStorage(tmp_path)
    before, after = (publish(storage, to_table(each)) for each in (rows, later))
    found = compare_nights(before, after, open_population(after))
    told = compare_snapshots(before, after)
    assert found["findings"] == [
        {
            "finding": change.finding,
            "before": change.before,
            "after": change.after,
            "added": change.added,
            "removed": change.removed,
            "flips": change.flips,
            "flipped": change.flipped,
        }
        for change in told.findings
    ]
    assert len(found["findings"]) > 5
    assert found["statuses"] == told.statuses
    studies = found["studies"]
    assert (studies["added"], studies["removed"]) == (
        told.studies["added"],
        told.studies["removed"],
    )
    assert studies["read_differently"] == told.studies["changed"] == 7


def test_what_is_retracted_changed_nothing(tmp_path):
    rows = invent_patients(20)
    storage = LocalStorage(tmp_path)
    before = publish(storage, to_table(rows))
    after = publish(storage, to_table([*rows[:-1], flip(rows[-1])]))
    record_retraction(storage, "study", rows[-1].study_id, undo=False)
    found = compare_nights(before, after, open_population(after))
    assert found["findings"] == []
    assert found["studies"] == {"added": 0, "removed": 0, "read_differently": 0, "same": 19}
