import gzip
import logging

import pytest

from radkg.archive import open_archive
from radkg.archive.formats import joining
from radkg.extractor import extract_rows, load_extractor
from radkg.schema.records import Study
from tests.archive.formats.test_table import KINDS, read, reasons, write

FINAL = "INDICATION: Cough.\nFINDINGS: No pneumothorax."
ADDENDUM = "ADDENDUM: There is a small left pneumothorax."
BARE = "A small left pneumothorax was seen on second look."
EMPTY = dict.fromkeys(("subject_id", "study_date", "age", "sex", "images", "view_position"), "")


def row(study_id, report, **others):
    return EMPTY | {"study_id": study_id, "report": report} | others


def told(study):
    return [(s.name, study.report[s.start : s.end]) for s in study.sections]


@pytest.mark.parametrize("kind", KINDS)
def test_a_further_row_adds_to_the_report_in_the_order_of_the_table(tmp_path, kind):
    rows = [
        row("s1", FINAL, subject_id="p1", age="54"),
        row("s2", "Clear lungs."),
        row("s1", ADDENDUM),
        row("s2", BARE, sex="F", study_date="2020-01-31"),
        row("s1", BARE, subject_id="p1"),
    ]
    first, second = read(write(tmp_path / kind, rows))
    assert first.report == f"{FINAL}\n\n{ADDENDUM}\n\n{BARE}"
    assert (first.subject_id, first.age) == ("p1", 54)
    assert told(first) == [
        ("indication", "Cough."),
        ("findings", "No pneumothorax."),
        ("addendum", ADDENDUM.partition(": ")[2]),
        ("addendum", BARE),
    ]
    assert told(second) == [("full report", "Clear lungs."), ("addendum", BARE)]
    assert (second.sex, str(second.study_date)) == ("female", "2020-01-31")


@pytest.mark.parametrize("addendum", [ADDENDUM, BARE])
def test_the_addendum_is_read_beside_the_findings(tmp_path, addendum):
    studies = read(write(tmp_path / "a.csv", [row("s1", FINAL), row("s1", addendum)]))
    (found,) = extract_rows(load_extractor("rules"), studies)
    labels = [(e.label, e.section) for e in found.entities if e.concept == "pneumothorax"]
    assert labels == [("OBS-DA", "findings"), ("OBS-DP", "addendum")]


@pytest.mark.parametrize("kind", KINDS)
def test_rows_that_say_the_same_are_one_study_with_its_images(tmp_path, kind):
    rows = [
        row("s1", FINAL, images="a.png", view_position="PA"),
        row("s1", FINAL, images="b.png;a.png", view_position="LL;"),
        row("s1", "", images="c.png"),
        row("s2", FINAL),
    ]
    first, alone = read(write(tmp_path / kind, rows))
    assert first.report == FINAL
    assert [(i.image_id, i.view_position) for i in first.images] == [
        *(("a.png", "PA"), ("b.png", "LL"), ("c.png", None))
    ]
    repeated = read(write(tmp_path / kind, [rows[3], rows[3]]))
    assert [study.fingerprint for study in repeated] == [alone.fingerprint]


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ({"subject_id": "p2"}, "subject_id"),
        ({"study_date": "2020-02-01"}, "study_date"),
        ({"age": "55"}, "age"),
        ({"sex": "M"}, "sex"),
        ({"images": "a.png", "view_position": "AP"}, "view_position"),
    ],
)
def test_rows_that_contradict_each_other_are_a_failed_row(tmp_path, change, column):
    told_first = {"subject_id": "p1", "study_date": "2020-01-31", "age": "54", "sex": "F"}
    told_first |= {"images": "a.png", "view_position": "PA"}
    rows = [row("s1", FINAL, **told_first), row("s1", ADDENDUM, **change), row("s2", FINAL)]
    found = read(write(tmp_path / "a.csv", rows))
    assert reasons(found) == {"s1": f"its rows differ in {column}: correct the table"}


def test_a_further_row_that_cannot_be_read_fails_the_study(tmp_path):
    found = read(write(tmp_path / "a.csv", [row("s1", FINAL), row("s1", ADDENDUM, age="old")]))
    assert "age is no number" in reasons(found)["s1"]
    (tmp_path / "b.csv").write_bytes(b"study_id,report\ns1,Clear.\ns1,caf\xe9\n")
    assert "not UTF-8" in reasons(read(tmp_path / "b.csv"))["s1"]


def test_an_id_that_is_of_no_one_study_is_refused_in_bounded_memory(tmp_path):
    rows = [row("ward", f"Report {i}.") for i in range(joining.MAX_ROWS + 1)]
    found = read(write(tmp_path / "a.csv", rows))
    assert "is study_id the id of one study?" in reasons(found)["ward"]
    many = read(write(tmp_path / "a.csv", rows[:-1]))[0]
    assert many.report.count("Report") == joining.MAX_ROWS
    long = joining.MAX_CHARACTERS // 10
    rows = [row("ward", f"{i}" + "." * long) for i in range(12)]
    assert "is study_id the id" in reasons(read(write(tmp_path / "a.csv", rows)))["ward"]


def test_the_fingerprint_is_of_every_row_and_of_their_order(tmp_path):
    def fingerprint(*texts):
        (study,) = read(write(tmp_path / "a.csv", [row("s1", text) for text in texts]))
        return study.fingerprint

    texts = [(FINAL,), (FINAL, ADDENDUM), (ADDENDUM, FINAL), (FINAL, BARE), ("", FINAL)]
    texts += [(f"{FINAL}\n\n{ADDENDUM}",), (FINAL, ADDENDUM, BARE)]
    assert len({fingerprint(*one) for one in texts}) == len(texts)
    assert fingerprint(FINAL, FINAL, ADDENDUM, FINAL) == fingerprint(FINAL, ADDENDUM)


def test_addenda_at_the_end_of_a_gzip_do_not_rewind_it(tmp_path, monkeypatch):
    rows = [row(f"s{i}", f"Report {i}.") for i in range(50)]
    rows += [row(f"s{i}", f"Addendum {i}.") for i in range(50)]
    path = write(tmp_path / "a.csv.gz", rows)
    archive = open_archive(str(path))
    records = archive.index().to_pylist()
    rewound = []
    rewind = gzip._GzipReader._rewind
    monkeypatch.setattr(
        gzip._GzipReader, "_rewind", lambda reader: (rewound.append(1), rewind(reader))[1]
    )
    found = list(archive.read(records))
    assert [study.report for study in found] == [f"Report {i}.\n\nAddendum {i}." for i in range(50)]
    assert not rewound


def test_images_that_are_not_there_are_told_once(tmp_path, caplog):
    (tmp_path / "images/a").mkdir(parents=True)
    for name in ("a/1.png", "a/2.dcm", "3.jpg"):
        (tmp_path / "images" / name).write_bytes(b"no image")
    rows = [
        row("s1", FINAL, images=r"a\1.png;a/2;3"),
        row("s2", FINAL, images=f"{tmp_path}/images/a/1.png"),
        row("s3", FINAL, images=rf"C:\export\a\1.png;{tmp_path}/secret.png;../secret.png"),
    ]
    (tmp_path / "secret.png").write_bytes(b"not below the images")
    with caplog.at_level(logging.WARNING):
        found = read(write(tmp_path / "a.csv", rows), tmp_path / "images")
    at = [[i.location and i.location.rpartition("images/")[2] for i in s.images] for s in found]
    assert at == [["a/1.png", "a/2.dcm", "3.jpg"], ["a/1.png"], [None, None, None]]
    (said,) = caplog.messages
    assert "3 of the images that the table names are not there" in said
    assert "of study s3" in said


def test_a_position_without_an_image_is_the_studys(tmp_path):
    rows = [row("s1", FINAL, view_position="PA"), row("s1", BARE, view_position="LL")]
    (study,) = read(write(tmp_path / "a.csv", rows))
    assert isinstance(study, Study)
    assert (study.images, study.view_positions) == ((), ("LL", "PA"))
