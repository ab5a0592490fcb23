"""The counts behind sensitivity and specificity, and the tables that ship."""

import json
from pathlib import Path

import pytest

from radkg.errors import StorageError
from radkg.evaluation import evaluate
from radkg.evaluation.errors import count_errors, write_errors
from radkg.evaluation.reference import Answer, Reference
from radkg.graph.ask.correction import read_shipped_tables, read_table
from radkg.metrics.prevalence import ErrorCounts
from tests.support.runs.rows import row

NONE: frozenset[str] = frozenset()


def expected(*findings: str) -> Reference:
    return Reference(Answer(frozenset(findings), frozenset()), False, NONE, NONE, NONE)


def test_counts_by_hand():
    """`row` has an effusion, which "small" modifies. Nothing was read of the empty row."""
    failed = row("d", status="failed", reason="broken", entities=(), relations=())
    rows = [row("a"), row("b"), row("c", status="empty", entities=(), relations=()), failed]
    references = [
        expected("effusion", "small"),
        expected("pneumothorax"),
        expected("effusion"),
        *[expected("effusion")],
    ]
    assert count_errors(rows, references, {"effusion", "small", "pneumothorax"}) == {
        "effusion": ErrorCounts(1, 0, 0, 1),
        "pneumothorax": ErrorCounts(0, 1, 1, 0),
        "small": ErrorCounts(0, 1, 1, 0),
    }


@pytest.fixture(scope="module")
def report():
    return evaluate("openi", "rules")


def test_the_table_that_ships_is_what_the_command_measures(report, tmp_path: Path):
    """Where the rules changed: `radkg evaluate --extractor rules --errors FILE` measures anew."""
    write_errors(report, tmp_path / "rules.json")
    table = read_table(tmp_path / "rules.json")
    assert table in read_shipped_tables()
    assert len(table.findings) >= 40


def test_every_study_is_counted(report):
    for counts in report["errors"].values():
        assert sum(counts.values()) == report["studies"] - report["failed"]


def test_a_table_says_what_it_was_measured_on(report, tmp_path: Path):
    write_errors(report, tmp_path / "rules.json")
    written = json.loads((tmp_path / "rules.json").read_text())
    assert (written["archive"], written["split"], written["studies"]) == ("openi", "test", 575)
    assert (written["extractor"], written["condition"]) == ("rules", "report")


def test_a_place_that_cannot_be_written(report, tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot write"):
        write_errors(report, tmp_path / "file" / "rules.json")
