import json

import pytest

from radkg.errors import ExtractorError, SchemaError, StorageError
from radkg.evaluation.reports.studies import make_reference
from radkg.evaluation.reports.written import (
    Written,
    choose_predictions,
    read_predictions,
    write_oracle_plans,
    write_pairs,
    write_reports,
)
from tests.evaluation.reports.invented import (
    NORMAL,
    NUM_TEST,
    Failing,
    Knowing,
    Parrot,
    Planning,
    list_numbers,
    plan_codes,
)

GOOD = {"study_id": "CXR1", "text": " Clear. "}


def test_a_reporter_sees_no_report(report_set):
    parrot = Parrot()
    found = write_reports(parrot, report_set)
    assert parrot.reports == {""}
    assert found.texts == (NORMAL,) * NUM_TEST
    assert found.statuses == {"verified": NUM_TEST, "unverified": 0, "empty": 0, "failed": 0}


def test_a_study_that_fails_says_nothing_and_costs_itself_alone(report_set):
    _, test = list_numbers()
    found = write_reports(Failing(test[:2]), report_set)
    assert found.texts.count("") == found.statuses["failed"] == 2
    assert found.statuses["verified"] == NUM_TEST - 2
    with pytest.raises(ExtractorError, match=r"failing failed on every study: CXR.*truncated"):
        write_reports(Failing(), report_set)


def test_plans_of_the_codes_are_written(report_set):
    texts = write_oracle_plans(Knowing(), report_set, plan_codes)
    assert texts == list(write_reports(Knowing(), report_set).texts)
    assert write_oracle_plans(Knowing(), report_set) is None
    assert write_oracle_plans(Parrot(), report_set, plan_codes) is None


def test_a_reporter_may_plan_codes_itself_and_refuse_a_plan(report_set):
    texts = write_oracle_plans(Planning(), report_set)
    assert texts == ["" if text == NORMAL else text for text in knowing_texts(report_set)]
    assert "" in texts


def knowing_texts(report_set):
    return write_reports(Knowing(), report_set).texts


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2 is no .*JSONDecodeError"),
        ('["CXR2", "Clear."]', "line 2 is no .*TypeError"),
        ('{"study_id": "CXR2"}', "line 2 is no .*KeyError"),
        ('{"study_id": 2, "text": "Clear."}', "line 2 is no .*not both strings"),
        ('{"study_id": "CXR2", "text": null}', "line 2 is no .*not both strings"),
        (json.dumps(GOOD), "line 2: study CXR1 has a text already"),
        ('{"study_id": "CXR2", "text": "\udc80"}', "not UTF-8"),
    ],
)
def test_a_wrong_line_of_predictions_is_named(tmp_path, line, message):
    path = tmp_path / "wrong.jsonl"
    path.write_bytes(f"{json.dumps(GOOD)}\n{line}\n".encode(errors="surrogateescape"))
    with pytest.raises(SchemaError, match=message):
        read_predictions(path)


def test_predictions_are_read(tmp_path):
    path = tmp_path / "good.jsonl"
    path.write_text(f"\n{json.dumps(GOOD)}\n")
    assert read_predictions(path) == {"CXR1": "Clear."}
    with pytest.raises(StorageError, match=r"none\.jsonl"):
        read_predictions(tmp_path / "none.jsonl")


def test_predictions_must_fit_the_studies(report_set):
    texts = {study.study_id: "Clear." for study in report_set.scored.studies}
    other = report_set.training.studies[0].study_id
    found = choose_predictions({**texts, other: "Clear."}, "theirs", report_set)
    assert found == Written("theirs", None, ("Clear.",) * NUM_TEST, others=1)
    with pytest.raises(SchemaError, match=r"theirs has texts of studies that .* has not: S9$"):
        choose_predictions({**texts, "S9": ""}, "theirs", report_set)
    first = report_set.scored.studies[0].study_id
    with pytest.raises(SchemaError, match=f"lacks 8 of the 8 .*: {first}, .* and 5 more"):
        choose_predictions({}, "theirs", report_set)


def test_pairs_are_a_line_each(report_set, tmp_path):
    path = tmp_path / "pairs.jsonl"
    write_pairs(path, report_set, write_reports(Parrot("Opacit\u00e9."), report_set))
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [row["study_id"] for row in rows] == [s.study_id for s in report_set.scored.studies]
    assert [row["ref"] for row in rows] == list(map(make_reference, report_set.scored.studies))
    assert {row["hyp"] for row in rows} == {"Opacit\u00e9."}
