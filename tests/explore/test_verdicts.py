"""The explorer's sheet escapes what a spreadsheet would compute, and knows its rows again."""

import csv
import io
from dataclasses import replace

from radkg.explore.verdicts import Verdicts
from radkg.review.sheet import read_csv
from radkg.schema.records import Relation
from tests.page.invented import entity_in, extraction_of, study_of

ID = "=cmd|' /C calc'!A0"


def test_a_study_whose_id_is_a_formula_is_judged_and_found_again(tmp_path):
    study = replace(study_of(("findings", "Small effusion.")), study_id=ID)
    ends = (entity_in(study.report, "Small"), entity_in(study.report, "effusion"))
    extraction = extraction_of(study, ends, (Relation(0, 1, "modify"),))
    file = tmp_path / "review.csv"
    Verdicts(file).judge("snap", study, extraction, 1, "accept")
    again = Verdicts(file)
    assert again.get_verdicts("snap", ID) == {1: "accept"}
    again.judge("snap", study, extraction, 1, "reject")
    text = file.read_text("utf-8-sig")
    assert [row.key for row in read_csv(text, "review.csv")] == [("snap", ID, 1)]
    assert [row[1] for row in csv.reader(io.StringIO(text))] == ["study_id", f"'{ID}"]
