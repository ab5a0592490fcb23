import pytest

from radkg.errors import ArchiveError, ConfigError
from radkg.evaluation.reports.studies import make_reference, open_report_set, select_with_text
from tests.evaluation.reports.invented import NUM_TEST, NUM_TRAIN
from tests.rules.reading import study
from tests.support.archives.openi import make_studies, write_tar


def test_only_studies_with_codes_text_and_image_are_scored(report_set):
    assert len(report_set.scored) == NUM_TEST
    assert len(report_set.training) == NUM_TRAIN
    assert report_set.left_out == {
        "text_in_training": 1,
        "no_usable_codes": 1,
        "no_image": 1,
        "no_text": 1,
    }
    assert len(select_with_text(report_set.scored, "findings")) == NUM_TEST - 2


def test_without_images_a_study_needs_none(invented):
    archive, _ = invented
    found = open_report_set(archive)
    assert len(found.scored) == NUM_TEST + 1
    assert found.left_out["no_image"] == 0


def test_dev_is_a_part_of_training_apart_from_what_floors_draw_from(invented):
    archive, _ = invented
    found = open_report_set(archive, "dev")
    scored = {study.study_id for study in found.scored.studies}
    assert scored.isdisjoint(study.study_id for study in found.training.studies)
    assert len(found.scored) + len(found.training) == NUM_TRAIN
    assert 0 < len(found.scored) < NUM_TRAIN / 4
    assert found.left_out["text_in_training"] == 0


def test_a_reference_is_findings_and_impression_and_nothing_else():
    sections = [("indication", "Cough."), ("findings", " Clear. "), ("impression", "No effusion.")]
    one = study("Cough. Clear. No effusion.", sections)
    assert make_reference(one) == "Clear.\nNo effusion."
    assert make_reference(one, "findings") == "Clear."
    assert make_reference(study("Cough.", sections[:1])) == ""


def test_what_cannot_be_scored_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="'train' is none of dev, test"):
        open_report_set("openi", "train")
    path = write_tar(tmp_path / "few.tgz", make_studies(3))
    with pytest.raises(ArchiveError, match="no coded study with a text in split 'test'"):
        open_report_set(str(path))
