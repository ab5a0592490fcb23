import pytest

from radkg.errors import SchemaError
from radkg.review.sheet import COLUMNS, JudgedRow, mark_evidence, read_csv, write_csv
from radkg.schema.records import Entity
from tests.page.invented import entity_in, study_of


def row(triplet="1", verdict="", comment="", confidence="0.9000", study="S1"):
    ends = ["effusion", "OBS-DP", "located_at", "base", "ANAT-DP"]
    return ["snap", study, triplet, "findings", "text", *ends, confidence, verdict, comment]


def test_a_filled_sheet_reads_back():
    text = write_csv([row(verdict="accept", comment='two\nlines, "quoted"'), row("2", " Reject ")])
    assert read_csv(text, "f.csv") == [
        JudgedRow(("snap", "S1", 1), "located_at", 0.9, "accept"),
        JudgedRow(("snap", "S1", 2), "located_at", 0.9, "reject"),
    ]


def test_semicolons_and_decimal_commas_of_other_countries_are_read():
    text = "\n".join(
        ";".join(cells) for cells in (COLUMNS, row(confidence="0,5", verdict="unsure"))
    )
    (judged,) = read_csv(text + "\n;;;\n", "f.csv")
    assert (judged.confidence, judged.verdict) == (0.5, "unsure")


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (row("2", "yes"), "f.csv line 3: verdict 'yes' is none of accept, reject, unsure"),
        (row("two"), "f.csv line 3: .*'two'"),
        (row("2", confidence="high"), "f.csv line 3: .*'high'"),
        (row("1"), "f.csv line 3: study S1 triplet 1 stands twice"),
        (row("2")[:-2], "f.csv line 3: .*shorter"),
    ],
)
def test_a_wrong_row_is_refused_with_its_line(cells, message):
    with pytest.raises(SchemaError, match=message):
        read_csv(write_csv([row(), cells]), "f.csv")


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "snapshot,study_id\n"])
def test_a_file_that_is_no_sheet_is_refused(text):
    with pytest.raises(SchemaError, match=r"f.csv is no review sheet: no column .*verdict"):
        read_csv(text, "f.csv")


STUDY = study_of(
    ("findings", "Clear right lung. Small left pleural effusion. It is new."),
    ("impression", "Effusion."),
)


def test_evidence_is_the_sentence_of_the_triplet():
    head, tail = entity_in(STUDY.report, "Small"), entity_in(STUDY.report, "left pleural effusion")
    assert mark_evidence(STUDY, head, tail) == "[[Small]] {{left pleural effusion}}"
    inner = entity_in(STUDY.report, "pleural", "ANAT-DP")
    assert mark_evidence(STUDY, inner, tail) == "Small {{left [[pleural]] effusion}}"


def test_evidence_goes_from_sentence_to_sentence_and_section_to_section():
    head, tail = entity_in(STUDY.report, "new"), entity_in(STUDY.report, "Small")
    assert mark_evidence(STUDY, head, tail) == "{{Small}} left pleural effusion. It is [[new]]"
    far = entity_in(STUDY.report, "Effusion")
    assert mark_evidence(STUDY, far, head).startswith("It is {{new}}")
    assert mark_evidence(STUDY, far, head).endswith("[[Effusion]]")


def test_what_comes_from_the_image_has_no_evidence_in_the_text():
    seen = Entity("opacity", "OBS-DP", "opacity", None, None, None, "image")
    assert mark_evidence(STUDY, seen, seen) == "(from the image)"
    assert mark_evidence(STUDY, seen, entity_in(STUDY.report, "lung")) == "Clear right {{lung}}"
