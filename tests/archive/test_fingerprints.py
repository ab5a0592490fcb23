"""Fingerprints of every format, held to the values that published snapshots were made with.

A study whose fingerprint changes is extracted again in every run there is, so a value in
fingerprints.json is only ever changed together with a rule of reading.
"""

import hashlib
import json
from dataclasses import dataclass, fields, replace
from datetime import date
from pathlib import Path

import pytest

from radkg.archive import FORMATS, open_archive
from radkg.archive.base import Archive
from radkg.archive.entries import ImageEntry, StudyEntry, compute_fingerprint
from radkg.archive.files.members import digest
from tests.archive.formats import test_chexpert_plus, test_padchest, test_table
from tests.support.archives.mimic import make_mimic
from tests.support.archives.openi import make_xml, write_tar, write_zip

PINNED = json.loads(Path(__file__).with_name("fingerprints.json").read_text())

TABLE = [
    {"study_id": "s1", "report": test_table.REPORT, "subject_id": "p1", "split": "valid"}
    | {"study_date": "2020-01-31", "age": "54", "sex": "F"}
    | {"images": "a/1.png;a/2.png", "view_position": "PA;LATERAL"},
    {"study_id": "s2", "report": "No effusion.", "sex": "man", "age": "old"},
    {"study_id": "s1", "report": "Another."},
    {"study_id": "s3", "report": "", "study_date": "20200201", "images": "../secret.png"},
]


def _table(folder, name):
    (folder / "images/a").mkdir(parents=True)
    (folder / "images/a/1.png").write_bytes(b"of four")
    columns = {column: "" for row in TABLE for column in row}
    return test_table.write(folder / name, [columns | row for row in TABLE]), folder / "images"


def _folder(folder, name):
    for file, data in {"b.txt": b"FINDINGS: Clear.", "a.txt": b"\xff", "a.TXT": b""}.items():
        (folder / file).write_bytes(data)
    return folder, None


def _radgraph(folder, name):
    documents = [
        {"1": {"text": "FINDINGS : Clear ."}},
        {"1": {"text": "Again ."}, "2": {"text": 3}},
    ]
    (folder / name).write_text(json.dumps(documents))
    return folder / name, None


def _openi(folder, name):
    members = {
        "1.xml": make_xml(1, images=("CXR1_1", "CXR1_2")),
        "2.xml": make_xml(2, "Clear.", encoding="utf-16"),
        "a/1.xml": make_xml(1),
        "3.xml": b"",
    }
    write = write_zip if name.endswith("zip") else write_tar
    (folder / "images").mkdir()
    (folder / "images/CXR1_1.png").write_bytes(b"never opened")
    return write(folder / name, members), folder / "images"


def _mimic(folder, name):
    made = make_mimic(3)
    images = made.write_images(folder / "images")
    first, second, third = made.reports
    made.reports["p10/elsewhere/s5.txt"] = b"FINDINGS"
    made.reports[f"again/{first}"] = b"a second one"
    del made.reports[third]
    reports = made.write_zip(folder / "reports")
    study_id = second.rpartition("/s")[2].removesuffix(".txt")
    exceptions = f"study_id,section,start,end\n{study_id},,0,9\n"
    (reports / "section-exceptions.csv").write_text(exceptions)
    if name == "packed":
        return reports, made.pack_images(folder / "packed", "zip")
    return reports, images


def _chexpert_plus(folder, name):
    rows = [
        test_chexpert_plus.view(age="63.0"),
        test_chexpert_plus.view(number=2, side="lateral", age="63.0"),
        test_chexpert_plus.view(patient=2, report="Clear.", patient_report_date_order="2020-01-31"),
    ]
    test_chexpert_plus.write(folder / test_chexpert_plus.FILE, rows)
    return folder, None


def _padchest(folder, name):
    rows = [
        ("a.png", 0, 20140915, 11, 1, "PA", 7, "cort normal .", "['normal']", "1940.0", "F"),
        ("b.png", 1, "None", 12, 2, "AP_horizontal", "None", "None", "[]"),
        ("c.png", 0, 20140915, 11, 1, "L", 7, "cort normal .", "['normal']", "1940.0", "F"),
    ]
    test_padchest.write(folder / test_padchest.FILE, *rows)
    return folder, None


WRITTEN = {  # archive: what writes the archive, and the name of the file
    "openi tar": (_openi, "a.tgz"),
    "openi zip": (_openi, "a.zip"),
    "mimic-cxr": (_mimic, "tree"),
    "mimic-cxr packed images": (_mimic, "packed"),
    "chexpert-plus": (_chexpert_plus, ""),
    "padchest": (_padchest, ""),
    "radgraph": (_radgraph, "a.json"),
    "table csv": (_table, "a.csv"),
    "table parquet": (_table, "a.parquet"),
    "reports": (_folder, ""),
}


@pytest.mark.parametrize("called", WRITTEN)
def test_every_format_keeps_its_fingerprints(tmp_path, called):
    write, name = WRITTEN[called]
    uri, images = write(tmp_path, name)
    archive = open_archive(str(uri), images and str(images))
    assert archive.name == called.split()[0]
    rows = archive.index().select(["study_id", "fingerprint"]).to_pylist()
    assert {row["study_id"]: row["fingerprint"] for row in rows} == PINNED.get(called)


def test_all_of_open_i_keeps_its_fingerprints():
    prints = "".join(open_archive("openi").index()["fingerprint"].to_pylist())
    assert hashlib.sha256(prints.encode()).hexdigest() == PINNED["openi of the wheel"]


@dataclass(frozen=True)
class Toy(Archive):
    """A new format that says nothing about fingerprints."""

    studies: tuple[dict, ...]
    uri: str = "memory"
    name: str = "toy"

    @classmethod
    def recognise(cls, uri, images=None):
        return "never"

    def list_studies(self):
        for i, study in enumerate(self.studies):
            facts = {name: value for name, value in study.items() if name != "report"}
            report = study["report"].encode()
            yield StudyEntry(
                study_id=f"s{i}",
                source=self.uri,
                member=f"{i}",
                offset=0,
                length=len(report),
                content=digest(report),
                **facts,
            )

    def read(self, records):
        raise NotImplementedError


REPORT = "FINDINGS: Small effusion.\nIMPRESSION: Effusion."
IMAGE = ImageEntry("i", "PA", "/images/i.png", (7, "crc"))
KNOWN = {"report": REPORT, "subject_id": "p", "study_date": date(2020, 1, 31), "age": 54}
KNOWN |= {"sex": "female", "images": [IMAGE], "problem": None, "other_inputs": None}
CHANGES = {
    "age": {"age": 0},
    "no age": {"age": None},
    "sex": {"sex": "male"},
    "date": {"study_date": date(2020, 2, 1)},
    "patient": {"subject_id": "q"},
    "report": {"report": REPORT.replace("Small", "Large")},
    "section": {"report": REPORT.replace("IMPRESSION", "INDICATION")},
    "bytes of an image": {"images": [replace(IMAGE, stamp=(8, "crc"))]},
    "name of an image": {"images": [replace(IMAGE, image_id="j")]},
    "view": {"images": [replace(IMAGE, view_position="LATERAL")]},
    "no image": {"images": []},
    "problem": {"problem": "it is cut off"},
    "other inputs": {"other_inputs": (0, 9)},
    "view of the study": {"study_views": ["PA"]},
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_format_that_says_nothing_of_fingerprints_forgets_nothing(change):
    index = Toy((KNOWN, KNOWN | CHANGES[change], KNOWN | {"split": "test"})).index()
    first, changed, in_another_split = index["fingerprint"].to_pylist()
    assert changed != first
    assert in_another_split == first


def test_every_field_is_a_fact_or_was_left_out_on_purpose():
    named = {name for change in CHANGES.values() for name in change} - {"report"}
    left_out = {"study_id", "split", "source", "member", "offset", "length"}
    left_out |= {"further_rows"}  # the texts are part of the report's identity
    of_the_report = {"content", "report_identity"}
    assert {f.name for f in fields(StudyEntry)} == named | left_out | of_the_report
    for archive_format in FORMATS:
        assert "index" not in vars(archive_format)


@pytest.mark.parametrize("archive_format", FORMATS, ids=lambda f: f.name)
def test_a_format_with_an_order_of_its_own_forgets_nothing_that_it_may_know_one_day(archive_format):
    """Of fields that Open-i or a folder leaves empty today no later version may stay unseen."""
    place = {"study_id": "s", "source": "", "member": "", "offset": 0, "length": 0, "content": "c"}
    plain = StudyEntry(**place)

    def fingerprint(entry):
        return compute_fingerprint(
            entry, archive_format.reading_version, archive_format.fingerprint_order
        )

    prints = {
        name: fingerprint(replace(plain, **{name: value}))
        for change in CHANGES.values()
        for name, value in change.items()
        if name not in ("report", *archive_format.fingerprint_order.implied)
        if value not in (None, [])
    }
    prints["nothing"] = fingerprint(plain)
    prints["version"] = compute_fingerprint(plain, "next", archive_format.fingerprint_order)
    assert len(set(prints.values())) == len(prints)
