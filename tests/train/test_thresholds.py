"""Thresholds of a vision-language model, where its eye looks at all images or at none."""

import dataclasses

import pytest

from radkg.schema.records import Image
from radkg.train.thresholds import choose_thresholds
from tests.extractor.models import blind, write_image, write_vlm
from tests.train.test_supervision import coded

TOLD = (("Small left effusion.", ["Pleural Effusion/left"]), ("Clear.", ["normal"]))


@pytest.mark.parametrize("sees", [True, False])
def test_studies_that_an_eye_does_not_look_at_count_for_no_image(tmp_path, sees):
    directory = write_vlm(tmp_path / "model")
    if not sees:
        blind(directory / "vision")
    told = coded(*TOLD)
    image = Image("I1", None, str(write_image(tmp_path / "image.png")))
    studies = tuple(dataclasses.replace(study, images=(image,)) for study in told.studies)
    found = choose_thresholds(directory, dataclasses.replace(told, studies=studies))
    assert {condition: number for condition, (number, _) in found.items()} == (
        {"report": 2, "image+report": 2, "image": 2} if sees else {"report": 2}
    )
