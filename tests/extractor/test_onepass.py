"""The one-pass model as an extractor: valid rows for any text, whatever its weights."""

import pickle

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from radkg.errors import ExtractorError
from radkg.extractor import extract_rows, load_extractor
from radkg.schema.records import check_extraction
from tests.extractor.models import REPORT, study
from tests.extractor.test_vlm import SPANISH, TEXT


@pytest.fixture(scope="module")
def extractor(onepass):
    return load_extractor(str(onepass))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(TEXT, min_size=1, max_size=3))
def test_whatever_the_report_the_rows_are_valid_and_grounded(extractor, reports):
    studies = [study(report, study_id=f"S{i}") for i, report in enumerate(reports)]
    rows = extract_rows(extractor, studies)
    for one, row in zip(studies, rows, strict=True):
        check_extraction(row, one.report)
        assert row.status in ("ok", "empty")
        assert (row.extractor, row.condition) == ("onepass", "report")


def test_a_sentence_is_one_reading_in_every_study(extractor):
    (alone,) = extractor([study("No effusion.")])
    one, two = extractor([study(REPORT), study("No effusion.", study_id="S2")])
    assert one.entities
    assert [e.text for e in two.entities] == [e.text for e in alone.entities]
    assert two.relations == alone.relations


def test_images_are_not_read(extractor, tmp_path):
    (row,) = extract_rows(extractor, [study(REPORT, tmp_path / "absent.png")])
    assert row.status == "ok"


def test_a_report_in_another_language_is_a_failed_row(extractor):
    spanish, english = extract_rows(extractor, [study(SPANISH), study(REPORT, study_id="S2")])
    assert spanish.status == "failed"
    assert "not in English" in spanish.reason
    assert english.status == "ok"


def test_it_crosses_processes(extractor):
    other = pickle.loads(pickle.dumps(extractor))
    assert other.model_id == extractor.model_id
    assert other([study(REPORT)]) == extractor([study(REPORT)])


def test_settings_that_do_not_fit_are_refused(onepass, tmp_path):
    for old, new, message in [
        ('"width": 16', '"width": 8', "instead of"),
        ('"width"', '"widht"', "did you mean 'width'"),
        ('"kind": "onepass"', '"kind": "vlm"', "unknown setting"),
    ]:
        text = (onepass / "config.json").read_text()
        assert old in text
        (tmp_path / "config.json").write_text(text.replace(old, new))
        (tmp_path / "model.safetensors").write_bytes((onepass / "model.safetensors").read_bytes())
        with pytest.raises(ExtractorError, match=message):
            load_extractor(str(tmp_path))
