"""The eye as an extractor: codes of images, those of a study's views together."""

import dataclasses
import pickle
import shutil

import pytest
import torch

from radkg.errors import ExtractorError
from radkg.extractor import extract_rows, load_extractor
from radkg.extractor.eye import EyeReader, make_codes
from radkg.model.vision.eye import EyeConfig
from radkg.model.vision.tower import load_imagenet_tower
from radkg.schema.codes import Codes
from radkg.schema.records import check_extraction
from tests.extractor.models import REPORT, blind, study, write_eye

LEFT = ("left", "modify", "pleura")
CONFIG = EyeConfig(findings=("cardiomegaly", "effusion"), triplets=(LEFT,))


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return write_eye(tmp_path_factory.mktemp("eye"), load_imagenet_tower())


def test_rows_of_the_readout_are_codes_by_their_place():
    assert make_codes([0.9, 0.25, 0.001, 0.5], CONFIG) == Codes(
        (("cardiomegaly", 0.25),), ((LEFT, 0.5),)
    )


def test_an_image_that_is_taken_as_normal_has_no_code():
    config = dataclasses.replace(CONFIG, abnormal_threshold=0.4)
    assert make_codes([0.3, 0.9, 0.9, 0.9], config) == Codes((), ())
    assert make_codes([0.4, 0.9, 0.9, 0.9], config) == make_codes([0.4, 0.9, 0.9, 0.9], CONFIG)


def test_findings_and_triplets_have_their_own_thresholds(directory):
    reader = EyeReader(directory)
    reader.config = dataclasses.replace(reader.config, finding_threshold=0.5, triplet_threshold=0.2)
    codes = Codes((("cardiomegaly", 0.3), ("effusion", 0.5)), ((LEFT, 0.25),))
    assert reader.select(codes) == Codes((("effusion", 0.5),), ((LEFT, 0.25),))


def test_an_extraction_is_of_the_image_alone(directory, image_files):
    extractor = load_extractor(str(directory))
    assert (extractor.name, extractor.condition) == ("eye", "image")
    (row,) = extract_rows(extractor, [study(REPORT, image_files[0])])
    check_extraction(row, study(REPORT).report)
    assert {entity.source for entity in row.entities} == {"image"}
    assert {entity.concept for entity in row.entities} == {
        "cardiomegaly",
        "effusion",
        "left",
        "pleura",
    }
    with pytest.raises(ExtractorError, match="eye reads image, not report"):
        load_extractor(str(directory), "report")


def test_a_study_without_an_image_is_a_failed_row(directory, image_files):
    extractor = load_extractor(str(directory))
    rows = extract_rows(extractor, [study(REPORT), study("", image_files[0], study_id="S2")])
    assert [row.status for row in rows] == ["failed", "ok"]
    assert "no image at hand" in rows[0].reason


def test_what_is_no_frontal_radiograph_is_not_looked_at(directory, image_files, tmp_path):
    copy = blind(shutil.copytree(directory, tmp_path / "eye"))
    studies = [study(REPORT, image_files[0])]
    assert EyeReader(copy).compute_confidences(studies) == [None]
    (row,) = extract_rows(load_extractor(str(copy)), studies)
    assert row.status == "failed"
    assert "no image of study S1 looks like a frontal chest radiograph" in row.reason


def test_views_are_looked_at_one_by_one_and_their_logits_averaged(directory, image_files):
    reader = EyeReader(directory)
    with torch.no_grad():
        reader._eye.readout.weight.normal_(0, 0.001, generator=torch.Generator().manual_seed(0))
    one, other = image_files[:2]
    views = reader.compute_confidences([study("", one), study("", other), study("", one, other)])
    logits = torch.logit(torch.tensor(views))
    assert not torch.allclose(logits[0], logits[1])
    assert torch.allclose(logits[2], (logits[0] + logits[1]) / 2, atol=1e-4)
    assert reader.compute_confidences([study("")]) == [None]


def test_an_eye_crosses_processes_and_its_id_says_what_decides_its_rows(directory, image_files):
    extractor = load_extractor(str(directory))
    again = pickle.loads(pickle.dumps(extractor))
    assert again.model_id == extractor.model_id
    studies = [study("", image_files[0])]
    assert again.read_codes(studies) == extractor.read_codes(studies)
