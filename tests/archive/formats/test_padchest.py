"""PadChest's columns with invented rows, and the index of the copy in the installed wheel."""

import csv
from collections import Counter
from datetime import date

import pytest

from radkg.archive import open_archive
from radkg.archive.formats.padchest import PadChest
from radkg.schema.records import Study, Unreadable
from tests.archive.formats.test_table import read, reasons

FILE = "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv"
COLUMNS = [
    "",
    "ImageID",
    "ImageDir",
    "StudyDate_DICOM",
    "StudyID",
    "PatientID",
    "Projection",
    "ReportID",
    "Report",
    "Labels",
    "PatientBirth",
    "PatientSex_DICOM",
]


def write(path, *rows):
    with path.open("w", newline="") as file:
        short = ([i, *row, "", "", ""] for i, row in enumerate(rows))
        csv.writer(file).writerows([COLUMNS, *(row[: len(COLUMNS)] for row in short)])
    return path


def test_images_of_a_study_are_joined(tmp_path):
    path = write(
        tmp_path / FILE,
        ("a.png", 0, 20140915, 11, 1, "PA", 7, "cort normal .", "['normal']", "1940.0", "F"),
        ("b.png", 1, "None", 12, 2, "AP_horizontal", "None", "None", "[]"),
        ("c.png", 0, 20140915, 11, 1, "L", 7, "cort normal .", "['normal']", "1940.0", "F"),
        ("d.png", 2, 20140230, 13, "None", "UNK", 8, "nan", "None"),
    )
    (tmp_path / "images/0").mkdir(parents=True)
    (tmp_path / "images/0/a.png").write_bytes(b"a")
    (tmp_path / "images/b.png").write_bytes(b"b")
    first, second, third = read(path, tmp_path / "images")
    assert read(tmp_path, tmp_path / "images") == [first, second, third]
    assert (first.study_id, first.subject_id, first.archive) == ("11", "1", "padchest")
    assert first.study_date == date(2014, 9, 15)
    assert [(i.image_id, i.view_position) for i in first.images] == [
        ("a.png", "PA"),
        ("c.png", "LATERAL"),
    ]
    assert [i.location is None for i in (*first.images, *second.images)] == [False, True, False]
    assert [(s.name, s.start, s.end) for s in first.sections] == [("full report", 0, 13)]
    assert [i.view_position for i in (*second.images, *third.images)] == ["AP", None]
    assert (second.report, second.sections, second.study_date) == ("", (), None)
    assert (first.age, first.sex, first.view_positions) == (74, "female", ("LATERAL", "PA"))
    assert (second.age, second.sex, second.view_positions) == (None, None, ("AP",))
    assert (third.report, third.study_date, third.subject_id) == ("", None, "13")


def test_a_study_of_two_patients_is_one_failed_row(tmp_path):
    path = write(
        tmp_path / FILE,
        ("a.png", 0, 20140915, 11, 1, "PA", 7, "cort", ""),
        ("b.png", 0, 20140915, 11, 2, "PA", 7, "cort", ""),
        ("c.png", 0, 20140915, "None", 3, "PA", 7, "cort", ""),
    )
    assert reasons(read(path)) == {
        "11": "its rows differ in subject_id: correct the table",
        "line 4": "it has no study_id",
    }


def test_other_tables_are_not_taken_for_it(tmp_path):
    (tmp_path / "a.csv").write_text("ImageID,Report\nx,y\n")
    assert PadChest.recognise(str(tmp_path / "a.csv")).startswith(
        "the table has no column ImageDir"
    )


@pytest.fixture(scope="module")
def wheel():
    archive = open_archive("padchest")
    return archive, archive.index()


@pytest.mark.long
def test_the_wheel_holds_the_collection(wheel):
    archive, index = wheel
    assert (archive.name, archive.uri, index.num_rows) == ("padchest", "padchest", 109_931)
    # One of the 67,625 patients is only named by the second row of a study of two patients.
    assert len(set(index["subject_id"].to_pylist())) == 67_624
    images = [image for row in index["images"].to_pylist() for image in row]
    assert len({image["image_id"] for image in images}) == len(images) == 160_861
    assert Counter(image["view_position"] for image in images) == {
        "PA": 91_728,
        "LATERAL": 49_579,
        "AP": 14_346 + 4_559,
        "COSTAL": 630,
        "EXCLUDE": 11,
        None: 8,
    }
    assert index["study_date"].null_count == 0
    assert set(index["sex"].to_pylist()) == {"female", "male", "other", None}
    ages = index["age"].drop_null().to_pylist()
    assert (min(ages), max(ages)) == (0, 90)
    assert index["age"].null_count < 10
    assert index.num_rows - index["problem"].null_count == 1


@pytest.mark.long
def test_the_wheel_is_read_by_the_place_of_a_row(wheel):
    archive, index = wheel
    found = list(archive.read(index.take([0, 1, 500, 20_000]).to_pylist()))
    assert not any(isinstance(study, Unreadable) for study in found)
    for study in found:
        assert isinstance(study, Study)
        assert study.report
        assert study.sections[0].end == len(study.report)
