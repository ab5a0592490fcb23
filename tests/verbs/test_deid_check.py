"""Identifiers are found by class and place, and told only where they are asked for."""

from __future__ import annotations

import csv
import io
import json
import stat
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from radkg.cli.app import app
from radkg.deid import CLASSES, find_identifiers
from radkg.errors import ConfigError
from radkg.verbs.deid_check import DeidConfig, check_archive

FOUND = {
    "name": ["Discussed with Dr. [[Smith]].", "Read by: [[Jane A. Doe]], MD", "[[SMITH, JOHN]]"],
    "place": ["He lives in [[Bedford]].", "[[12 Oak Street]]", "[[Bedford, IN 47421]]"],
    "date": ["Film of [[3/14/2019]].", "[[2019-03-14]]", "[[March 14, 2019]]", "[[14.3.2019]]"],
    "age over 89": ["A [[93-year-old]] man.", "[[101 y/o]]", "aged [[95]]"],
    "telephone": ["Call [[(317) 555-0100]].", "pager [[12345]]"],
    "fax": ["Fax: [[317-555-0101]]"],
    "email": ["[[jane.doe@example.org]]"],
    "social security": ["SSN [[078-05-1120]]", "SSN: [[078051120]]"],
    "medical record": ["MRN: [[00123456]]", "MR# [[A12345]]"],
    "health plan": ["Medicare number [[1EG4TE5MK73]]"],
    "account": ["Account number [[123456789]]"],
    "licence": ["DEA [[AB1234567]]"],
    "vehicle": ["License plate [[ABC1234]]", "[[1HGCM82633A004352]]"],
    "device": ["Serial number [[PJN123456]]"],
    "URL": ["[[https://pacs.example.org/1]]"],
    "IP address": ["[[10.20.30.40]]"],
    "other number": ["Accession number [[CT1234567]]", "[[1.2.840.113619.2.5.1762583153]]"],
}
NONE = [
    "XXXX-year-old male, XXXX/XXXX. Dr. XXXX was notified at XXXX.",
    "The [** Name **] of ___ is 54 years old. A 12 mm nodule at T10-T11, 3/4 cm, 1.5 x 2 cm.",
    "PA and lateral views. Heart size is normal. 89-year-old woman with 90% stenosis.",
]


@pytest.mark.parametrize(("name", "said"), [(n, s) for n, each in FOUND.items() for s in each])
def test_an_identifier_is_found_with_its_class_and_place(name: str, said: str):
    before, _, rest = said.partition("[[")
    inside, _, after = rest.partition("]]")
    (found,) = find_identifiers(before + inside + after)
    assert (found.name, found.start, found.end) == (name, len(before), len(before) + len(inside))


@pytest.mark.parametrize("text", NONE)
def test_what_identifies_nobody_is_left_alone(text: str):
    assert find_identifiers(text) == []


def test_every_class_that_text_can_hold_is_looked_for():
    assert [name for name, each in CLASSES.items() if each.is_in_text] == list(FOUND)


def test_a_hostile_text_takes_no_time():
    started = time.process_time()
    for piece in ("1-", "A ", "a.", "1.", "Dr. A", "0:", "MRN ", "Ab, ", "9 "):
        find_identifiers(piece * 5_000)
    assert time.process_time() - started < 30


@pytest.fixture
def archive(tmp_path: Path) -> str:
    table = tmp_path / "a.csv"
    table.write_text(
        "study_id,study_date,report\n"
        "s1,,No effusion.\n"
        's2,,"Seen by Dr. Smith on 3/14/2019. MRN: 12345678"\n'
        "s3,no date,Dr. Jones\n"
    )
    return str(table)


def test_an_archive_is_counted_and_its_identifiers_are_not_told(archive, tmp_path):
    places = tmp_path / "places.csv"
    report = check_archive(DeidConfig(archive=archive, places=places))
    assert (report.studies, report.unreadable, report.with_identifier) == (2, 1, 1)
    counts = {each.name: (each.found, each.studies) for each in report.classes if each.found}
    assert counts == {"name": (1, 1), "date": (1, 1), "medical record": (1, 1)}
    rows = list(csv.reader(io.StringIO(places.read_text())))
    assert rows[:2] == [["row", "class", "start", "end"], ["2", "name", "12", "17"]]
    assert "Smith" not in places.read_text() + str(report)
    check_archive(DeidConfig(archive=archive, places=places, show=True))
    assert list(csv.reader(io.StringIO(places.read_text())))[1][4:] == ["s2", "Smith"]
    assert stat.S_IMODE(places.stat().st_mode) == 0o600
    for wrong in ({"limit": 0}, {"show": True}):
        with pytest.raises(ConfigError, match=r"--(limit|show)"):
            DeidConfig(archive=archive, **wrong)


def test_the_command_says_that_nothing_found_proves_nothing(archive):
    said = CliRunner().invoke(app, ["deid-check", archive])
    assert said.exit_code == 0
    assert "1 of 2 reports hold an identifier" in said.output
    assert "may still hold an identifier" in said.output
    assert "Smith" not in said.output
    as_json = CliRunner().invoke(app, ["deid-check", archive, "--json", "--limit", "1"])
    assert json.loads(as_json.stdout)["with_identifier"] == 0
