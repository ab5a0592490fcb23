"""No reason of a failed row holds words of the report, however its study fails, and all are short.

Every report here holds MARKER, and every failure has a chance to quote the report.
"""

import json
from dataclasses import replace

import pytest

from radkg.archive import open_archive
from radkg.errors import ExtractorError, SchemaError, TooManyFailures
from radkg.extractor import extract_rows, load_extractor
from radkg.run.isolation import read_alone
from radkg.run.local import LocalRunner
from radkg.run.making import ExtractionMaker
from radkg.run.run import Run
from radkg.run.settings import ExtractConfig
from radkg.schema.limits import MAX_NAME_BYTES
from radkg.schema.reasons import MAX_REASON, cut_reason
from radkg.schema.records import Entity, Relation, Study, Unreadable
from radkg.verbs.extract import extract
from tests.archive.formats.test_table import write
from tests.extractor.models import study
from tests.support.archives.openi import BreakingArchive
from tests.support.runs.extractors import Words

MARKER = "xylophonitis"
REPORT = f"FINDINGS: effusion and {MARKER} of the left base."


def quote(error):
    """Return what raises an error of a class that quotes the report."""

    def fail(study, row):
        raise error(f"cannot read {study.report!r} at {MARKER}")

    return fail


def change(**changes):
    """Return what changes the row that the extractor gives."""
    return lambda study, row: replace(row, **changes)


def change_entity(**changes):
    return lambda study, row: replace(row, entities=(replace(row.entities[0], **changes),))


def fail_to_decode(study, row):
    study.report.encode().decode("utf-16")
    "\ud800".join([study.report]).encode()
    raise UnicodeEncodeError("utf-8", study.report, 0, 5, MARKER)


FAILURES = {
    **{e.__name__: quote(e) for e in (ValueError, KeyError, RuntimeError, OSError, MemoryError)},
    **{e.__name__: quote(e) for e in (SystemExit, ExtractorError, SchemaError, AssertionError)},
    "decoding": fail_to_decode,
    "study_id": change(study_id=MARKER),
    "extractor": change(extractor=MARKER),
    "condition": change(condition=MARKER),
    "status": change(status=MARKER),
    "text": change_entity(text=MARKER),
    "no text": change_entity(text=["xylophonitis"]),
    "blank text": change_entity(text=f" {MARKER}"),
    "surrogate": change_entity(concept=f"{MARKER}\ud800"),
    "label": change_entity(label=MARKER),
    "concept": change_entity(concept=MARKER * MAX_NAME_BYTES),
    "no concept": change_entity(text=MARKER, concept=""),
    "section": change_entity(section=[MARKER]),
    "source": change_entity(source=MARKER),
    "confidence": change_entity(confidence=MARKER),
    "offsets": change_entity(start=MARKER),
    "image with offsets": change_entity(source="image", text=MARKER),
    "relation": change(relations=(Relation(0, 0, MARKER),)),
    "ends": change(relations=(Relation(MARKER, 0, "modify"),)),
    "no row": lambda study, row: study.report,
    "no entities": change(entities=(MARKER,)),
}


class Quoting(BreakingArchive):
    """An archive whose reader raises an unforeseen error that quotes the report."""

    def read(self, records):
        (study,) = self.archive.read(records)
        raise ValueError(study.report)


class Failing(Words):
    """An extractor that fails in a way of FAILURES."""

    way = ""

    def __call__(self, studies):
        rows = super().__call__(studies)
        return [FAILURES[self.way](study, row) for study, row in zip(studies, rows, strict=True)]


def failing():
    return Failing()


def check(reason):
    assert reason
    assert MARKER not in reason.lower()
    assert MARKER[:8] not in reason.lower()
    assert len(reason) <= MAX_REASON
    assert reason.isprintable()
    return reason


@pytest.mark.parametrize("way", FAILURES)
def test_a_failed_row_does_not_quote_the_report(way, monkeypatch):
    monkeypatch.setattr(Failing, "way", way)
    (row,) = extract_rows(Failing(), [study(REPORT)])
    assert row.status == "failed"
    check(row.reason)


@pytest.mark.parametrize("status", ["ok", "failed"])
def test_a_reason_that_an_extractor_gives_is_told_without_the_reports_words(monkeypatch, status):
    own = {"status": status, "reason": f"no model for {MARKER}\n{MARKER}"}
    own |= {"entities": ()} if status == "failed" else {}
    monkeypatch.setitem(FAILURES, "own", change(**own))
    monkeypatch.setattr(Failing, "way", "own")
    (row,) = extract_rows(Failing(), [study(REPORT)])
    assert (row.status, check(row.reason)) == (status, "no model for ... ...")


def test_what_an_extractor_of_somebodys_own_says_is_told_without_the_reports_words(monkeypatch):
    monkeypatch.setattr(Failing, "way", "ExtractorError")
    (row,) = extract_rows(Failing(), [study(REPORT)])
    assert check(row.reason).startswith("ExtractorError: cannot read '...")
    monkeypatch.setattr(Failing, "way", "ValueError")
    (row,) = extract_rows(Failing(), [study(REPORT)])
    assert check(row.reason).startswith("ValueError in test_reasons.py, line ")


@pytest.mark.parametrize("extractor", ["rules", "onepass"])
def test_the_readers_say_no_words_of_a_report_in_another_language(extractor):
    foreign = f"Derrame pleural {MARKER} sin cambios. El corazón es de tamaño normal {MARKER}é."
    (row,) = extract_rows(load_extractor(extractor), [study(foreign)])
    if row.reason:
        check(row.reason)
        assert "corazón" not in row.reason
    assert row.status == "failed" or extractor == "rules"


def test_a_reader_of_the_archive_that_breaks_quotes_nothing(tmp_path):
    archive = open_archive(str(write(tmp_path / "a.csv", [{"study_id": "1", "report": REPORT}])))
    (record,) = archive.index().to_pylist()
    with pytest.raises(ValueError, match=MARKER):
        list(Quoting(archive, "1").read([record]))
    row = read_alone(ExtractionMaker(Words()), Quoting(archive, "1"), record)
    assert check(row.reason).startswith("cannot be read: ValueError in test_reasons.py, line ")


@pytest.mark.parametrize("column", ["study_date", "age", "images", "view_position", "report"])
def test_a_row_of_a_table_whose_columns_are_mixed_up_quotes_nothing(tmp_path, column):
    cells = {"study_date": MARKER, "age": REPORT, "images": f"[{MARKER}, {{'a': 1}}]"}
    cells |= {"view_position": f"{MARKER};{MARKER}", "report": {"text": REPORT}}
    row = {"study_id": "1", "report": REPORT, column: cells[column]}
    row |= {"images": "a.png"} if column == "view_position" else {}
    archive = open_archive(str(write(tmp_path / "a.jsonl", [row, {"study_id": "2", "report": ""}])))
    first, _ = archive.read(archive.index().to_pylist())
    assert isinstance(first, Unreadable)
    check(first.reason)


@pytest.mark.parametrize(
    "data",
    [
        f'study_id,report\n1,"{MARKER}" {MARKER}\n',
        f'study_id,report\n1,"{MARKER}\n',
        f"study_id,report\n1,{MARKER},{MARKER}\n",
        f"{MARKER},no header\n1,x\n",
        f"{REPORT}\n{REPORT}\n",
    ],
)
def test_a_damaged_table_quotes_nothing(tmp_path, data):
    (tmp_path / "a.csv").write_text(data)
    with pytest.raises(Exception, match=r"a\.csv") as raised:
        open_archive(str(tmp_path / "a.csv")).index()
    check(str(raised.value).replace(str(tmp_path), ""))


def test_a_run_that_stops_and_its_log_quote_nothing(tmp_path):
    reports = [{"study_id": f"{i}", "report": f"{REPORT} RAISE"} for i in range(3)]
    config = ExtractConfig(
        archive=str(write(tmp_path / "a.csv", reports)),
        extractor="tests.support.runs.extractors:words",
        out=str(tmp_path / "out"),
        max_failed=0.1,
    )
    with pytest.raises(TooManyFailures) as raised:
        extract(config, LocalRunner(0))
    assert MARKER not in str(raised.value)
    extract(replace(config, max_failed=1.0), LocalRunner(0))
    run = Run(config.out)
    for row in next(iter(run.read_snapshot().read_tables())).to_pylist():
        check(row["reason"])
    assert MARKER not in json.dumps(list(run.audit.read_lines()), default=str)


def test_reasons_are_one_short_printable_line():
    assert cut_reason("why\n not\t\x07") == "why not ?"
    assert len(cut_reason("long " * 10_000)) == MAX_REASON
    assert cut_reason("x" * MAX_REASON) == "x" * MAX_REASON
    (row,) = extract_rows(Words(), [Unreadable(_record(), "a\n" * 10_000)])
    check(row.reason)


def test_a_name_as_long_as_the_limit_is_kept_and_a_longer_one_is_a_failed_row(monkeypatch):
    text = "x" * (MAX_NAME_BYTES + 1)
    whole = Study("s", "p", "mine", None, text, (), (), None, "v1")
    for length, status in ((MAX_NAME_BYTES, "ok"), (MAX_NAME_BYTES + 1, "failed")):
        entity = Entity(text[:length], "OBS-DP", text[:length], 0, length, None)
        monkeypatch.setitem(FAILURES, "long", change(status="ok", entities=(entity,)))
        monkeypatch.setattr(Failing, "way", "long")
        (row,) = extract_rows(Failing(), [whole])
        assert row.status == status
        assert (row.reason is None) == (status == "ok")


def _record():
    ids = dict.fromkeys(("study_id", "subject_id", "archive", "fingerprint"), "s")
    rest = dict.fromkeys(("study_date", "age", "sex", "study_views"))
    return ids | rest | {"images": []}
