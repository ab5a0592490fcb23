"""All text and ids are invented; only the names of the columns are those of CheXpert Plus."""

import csv
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radkg.archive import open_archive
from radkg.archive.formats.chexpert_plus import CheXpertPlus
from radkg.errors import ArchiveError
from tests.archive.formats.test_table import read, reasons

FILE = "df_chexpert_plus_240401.csv"
COLUMNS = [
    "path_to_image",
    "path_to_dcm",
    "frontal_lateral",
    "ap_pa",
    "deid_patient_id",
    "patient_report_date_order",
    "report",
    "section_narrative",
    "section_clinical_history",
    "section_history",
    "section_comparison",
    "section_technique",
    "section_procedure_comments",
    "section_findings",
    "section_impression",
    "section_end_of_impression",
    "section_summary",
    "section_accession_number",
    "age",
    "sex",
    "split",
]
REPORT = (
    "NARRATIVE:\nCHEST 2 VIEWS\n\nCLINICAL HISTORY: Cough.\n\nFINDINGS:\n\n"
    "Small left  effusion.\nNo pneumothorax.\n\nIMPRESSION:\n\n1. Small left effusion.\n"
)


def view(patient=1, study=1, number=1, side="frontal", **change):
    path = f"train/patient{patient:05}/study{study}/view{number}_{side}.jpg"
    row = dict.fromkeys(COLUMNS, "") | {"path_to_image": path, "frontal_lateral": side.title()}
    row |= {"ap_pa": "AP" if side == "frontal" else "", "deid_patient_id": f"patient{patient:05}"}
    row |= {"patient_report_date_order": "3", "report": REPORT, "split": "train", "sex": "Female"}
    row |= {"section_clinical_history": "Cough.", "section_impression": "1. Small left effusion."}
    row |= {"section_findings": "Small left effusion. No pneumothorax."}
    return row | {"section_accession_number": "123"} | change


def write(path, rows, index=True):
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow([""] * index + COLUMNS)
        for i, row in enumerate(rows):
            table.writerow([i] * index + [row[column] for column in COLUMNS])
    return path


def parts(study):
    return {s.name: study.report[s.start : s.end] for s in study.sections}


@pytest.mark.parametrize("index", [True, False])
def test_the_views_of_a_study_are_joined(tmp_path, index):
    rows = [
        view(age="91.0"),
        view(2, split="valid", age="54", sex="Unknown"),
        view(number=2, side="lateral", age="91.0"),
        view(study=2),
    ]
    write(tmp_path / FILE, rows, index)
    images = tmp_path / "PNG"
    (images / "train/patient00001/study1").mkdir(parents=True)
    (images / "train/patient00001/study1/view1_frontal.png").write_bytes(b"a")
    (images / "train/patient00001/study1/view2_lateral.jpg").write_bytes(b"b")
    first, second, third = read(tmp_path, images)
    assert read(tmp_path / FILE, images) == [first, second, third]
    assert (first.study_id, first.subject_id) == ("patient00001/study1", "patient00001")
    assert (first.archive, first.study_date, first.split) == ("chexpert-plus", None, "train")
    assert [i.view_position for i in first.images] == ["AP", "LATERAL"]
    assert [(s.age, s.sex) for s in (first, second, third)] == [
        *((90, "female"), (54, None), (None, "female"))
    ]
    assert [i.location and i.location.rpartition("/")[2] for i in first.images] == [
        "view1_frontal.png",
        "view2_lateral.jpg",
    ]
    assert (second.study_id, second.split) == ("patient00002/study1", "validate")
    assert third.study_id == "patient00001/study2"
    assert [i.location for i in third.images] == [None]


def test_sections_stand_where_their_text_stands(tmp_path):
    (study,) = read(write(tmp_path / FILE, [view()]))
    assert study.report == REPORT
    assert parts(study) == {
        "history": "Cough.",
        "findings": "Small left  effusion.\nNo pneumothorax.",
        "impression": "1. Small left effusion.",
    }


def test_a_section_stands_rather_behind_its_heading(tmp_path):
    report = "FINDINGS: Clear. Normal heart. IMPRESSION: Clear."
    row = view(report=report, section_findings="Clear. Normal heart.", section_impression="Clear.")
    (study,) = read(write(tmp_path / FILE, [row | {"section_clinical_history": ""}]))
    assert [(s.name, s.start) for s in study.sections] == [("findings", 10), ("impression", 43)]


def test_a_section_that_the_report_does_not_hold_is_put_behind_it(tmp_path):
    rows = [
        view(section_impression="Large effusion."),
        view(
            2, report="", section_findings="A.", section_impression="", section_clinical_history=""
        ),
        view(3, report="Nothing here.", section_findings="hing"),
    ]
    first, second, third = read(write(tmp_path / FILE, rows))
    assert first.report == REPORT + "\nIMPRESSION: Large effusion."
    assert parts(first)["impression"] == "Large effusion."
    assert (second.report, parts(second)) == ("FINDINGS: A.", {"findings": "A."})
    assert "\nFINDINGS: hing" in third.report


def test_without_sections_headings_are_found(tmp_path):
    row = view() | {column: "" for column in COLUMNS if column.startswith("section_")}
    (study,) = read(write(tmp_path / FILE, [row]))
    assert parts(study)["impression"] == "1. Small left effusion."


def test_a_date_counts_only_where_it_is_one(tmp_path):
    rows = [view(i, patient_report_date_order=text) for i, text in enumerate(["12", "2001-02-03"])]
    assert [s.study_date for s in read(write(tmp_path / FILE, rows))] == [None, date(2001, 2, 3)]


def test_a_study_that_contradicts_itself_is_one_failed_row(tmp_path):
    rows = [view(), view(2), view(3), view(4), view(5)]
    rows += [view(number=2, report="Another."), view(2, number=2, split="valid")]
    rows += [view(3, number=2, deid_patient_id="patient00009")]
    rows += [view(4, path_to_image="train/view1_frontal.jpg", report="Nobody's.")]
    path = write(tmp_path / FILE, rows)
    lines = path.read_text().splitlines()
    found = read(path)
    assert len(found) == 6
    assert reasons(found) == {
        "patient00001/study1": "its rows differ in the report: correct the table",
        "patient00002/study1": "its rows differ in split: correct the table",
        "patient00003/study1": "its rows differ in subject_id: correct the table",
        f"line {len(lines)}": "no patient and study in path_to_image, such as patient00001/study1",
    }


def test_images_are_only_looked_for_below_the_directory(tmp_path):
    (tmp_path / "patient1/study1").mkdir(parents=True)
    (tmp_path / "patient1/study1/x.jpg").write_bytes(b"outside")
    (tmp_path / "images").mkdir()
    outside = ("../patient1/study1/x.jpg", f"{tmp_path}/patient1/study1/x.jpg")
    for path in outside:
        (study,) = read(write(tmp_path / FILE, [view(path_to_image=path)]), tmp_path / "images")
        assert study.images[0].location is None


def test_other_tables_are_not_taken_for_it(tmp_path):
    (tmp_path / "a.csv").write_text("path_to_image,report\nx,y\n")
    assert "no column section_findings" in CheXpertPlus.recognise(str(tmp_path / "a.csv"))
    assert "holds no df_chexpert_plus" in CheXpertPlus.recognise(str(tmp_path))
    (tmp_path / FILE).write_text(",".join(COLUMNS) + "\nx\n")
    archive = open_archive(str(tmp_path))
    assert isinstance(archive, CheXpertPlus)
    with pytest.raises(ArchiveError, match=r"line 2: 1 columns instead of 21"):
        archive.index()


words = st.lists(st.sampled_from(["Clear", "no", "effusion.", "\n", "  ", "FINDINGS:", "(a+", "é"]))


@given(words.map(" ".join), words.map(" ".join), words.map(" ".join))
def test_every_section_is_in_the_report_word_for_word(report, findings, impression):
    row = view(report=report, section_findings=findings, section_impression=impression)
    archive = CheXpertPlus(None, "")  # type: ignore[arg-type]
    text, sections = archive.read_report(row | {"section_clinical_history": ""})
    assert text.startswith(report)
    found = {s.name: text[s.start : s.end].split() for s in sections}
    told = {"findings": findings.split(), "impression": impression.split()}
    if any(told.values()):
        assert found == {name: said for name, said in told.items() if said}
