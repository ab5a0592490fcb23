"""The reports behind a run are read again, from its archive or from the file that was imported."""

from dataclasses import replace
from pathlib import Path

import pytest

from radkg.errors import SnapshotError
from radkg.interchange.radgraph import export_radgraph, import_radgraph
from radkg.run.snapshot import read_snapshot
from radkg.run.studies import StudyReader
from radkg.schema.arrow import from_table
from radkg.storage import open_storage
from tests.review.conftest import published

__all__ = ["published"]


def test_a_run_and_its_import_have_the_same_reports(published: Path, tmp_path: Path) -> None:
    run, imported = open_storage(str(published)), open_storage(str(tmp_path / "imported"))
    export_radgraph(run, tmp_path / "run.json")
    import_radgraph(tmp_path / "run.json", imported)
    found = []
    for storage in (run, imported):
        rows = [row for table in read_snapshot(storage).read_tables() for row in from_table(table)]
        pairs = StudyReader(storage).read_pairs(rows)
        assert [row for _, row in pairs] == rows
        found.append({study.study_id: study.report for study, _ in pairs})
    assert found[0] == found[1]
    assert len(found[0]) == 7


def test_what_is_not_there_is_left_out_or_told(published: Path) -> None:
    storage = open_storage(str(published))
    reader = StudyReader(storage)
    assert reader.read_studies(["no such"]) == {}
    (row, *_) = from_table(next(read_snapshot(storage).read_tables()))
    with pytest.raises(SnapshotError, match=r"study no such of .*a\.tgz is not the one that was"):
        reader.read_pairs([replace(row, study_id="no such")])
