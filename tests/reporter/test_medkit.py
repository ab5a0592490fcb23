"""MedKit as a reporter: one draft per study, from images or from volumes."""

import pickle
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Picture

from radkg.errors import ArchiveError
from radkg.model.report.config import DecodingConfig
from radkg.model.report.medkit_config import MedKitConfig
from radkg.model.report.medkit_files import make_medkit, read_medkit, save_medkit
from radkg.reporter.loading import load_reporter
from radkg.reporter.medkit import load_medkit
from radkg.reporter.rows import write_drafts
from radkg.reporter.unplanned import UNPLANNED
from radkg.schema.drafts import check_draft
from radkg.schema.records import Image, Study
from tests.archive.images.test_volume import make_scan, write_nifti, write_series
from tests.model.report.tiny import language, language_config, learnt_generator

LABELS = ("effusion", "nodule")


def make_directory(folder: Path, **changes) -> Path:
    """Write a tiny model that calls effusion present and nodule absent, and writes sentences."""
    values = {
        "labels": LABELS,
        "sentences": ("effusion: often small", "nodule: in the lung"),
        "threshold": 0.5,
        "side": 64,
        "language": language_config(),
        "decoding": DecodingConfig(beams=1, min_new_tokens=4, max_new_tokens=20),
    }
    torch.manual_seed(0)
    model = make_medkit(MedKitConfig(**values | changes), language().tokenizer)
    model.generator.load_state_dict(learnt_generator().state_dict())
    with torch.no_grad():
        model.vision.head.bias.copy_(torch.tensor([2.0, -2.0]))
    save_medkit(folder, model, model.state_dict(), "a test")
    return folder


@pytest.fixture(scope="module")
def directory(tmp_path_factory) -> Path:
    return make_directory(tmp_path_factory.mktemp("medkit"))


def make_study(name: str, *locations: Path | None) -> Study:
    images = tuple(
        Image(f"{name}-{i}", None, str(place) if place else None)
        for i, place in enumerate(locations)
    )
    day = date(2020, 1, 1)
    return Study(name, "p", "a", day, "Not read.", (), images, None, "f", 50, None)


def make_picture(path: Path, seed: int) -> Path:
    pixels = np.random.default_rng(seed).integers(0, 256, (40, 48), np.uint8)
    Picture.fromarray(pixels).save(path)
    return path


def test_every_study_has_a_draft_and_says_why_it_is_unverified_or_empty(directory, tmp_path):
    one, other = (make_picture(tmp_path / f"{i}.png", i) for i in range(2))
    studies = [make_study("a", one), make_study("b", None), make_study("c", one, other)]
    reporter = load_reporter(str(directory))
    drafts = [check_draft(draft) for draft in reporter(studies)]
    assert [draft.status for draft in drafts] == ["unverified", "empty", "unverified"]
    assert drafts[1].reason == "study b has no image at hand: give --images"
    for draft in (drafts[0], drafts[2]):
        assert draft.reason == UNPLANNED
        assert draft.text
        assert {sentence.origin for sentence in draft.sentences} == {"generated"}
        assert draft.text[draft.sentences[0].start : draft.sentences[0].end][-1] == "."
        assert [(c.finding, c.polarity) for c in draft.plan] == [("effusion", "present")]
        assert draft.plan[0].confidence == pytest.approx(0.88, abs=0.01)


def test_a_draft_does_not_depend_on_the_studies_beside_it(directory, tmp_path):
    studies = [make_study(str(i), make_picture(tmp_path / f"{i}.png", i)) for i in range(5)]
    reporter = load_medkit(directory)
    together = reporter(studies)
    assert [draft.text for draft in together] == [reporter([s])[0].text for s in studies]
    assert pickle.loads(pickle.dumps(reporter))(studies) == together


def test_prepared_images_are_used(directory, tmp_path):
    path = make_picture(tmp_path / "a.png", 0)
    reporter = load_medkit(directory)
    square = reporter.preprocessing.make_square(np.asarray(Picture.open(path))).numpy()
    study = make_study("a", path)
    assert reporter([study], {str(path): square}) == reporter([study])
    with pytest.raises(ArchiveError, match="broken"):
        reporter([study], {str(path): "it is broken"})


@pytest.mark.parametrize("kind", ["slices", "inflated"])
def test_a_volume_has_a_draft_where_the_model_sees_volumes(tmp_path, kind):
    volumes = {"tokens": kind, "depth": 4, "num_tokens": 3}
    directory = make_directory(
        tmp_path / "model", **volumes, window_level=-600.0, window_width=1500.0
    )
    nifti = write_nifti(tmp_path / "a.nii.gz", make_scan())
    series = write_series(tmp_path / "s", make_scan())
    reporter = load_medkit(directory)
    assert reporter.preprocessing is None
    one, other = reporter([make_study("a", nifti), make_study("b", series)])
    assert one.status == "unverified"
    assert one.text == other.text  # the same scan
    image = make_study("c", make_picture(tmp_path / "a.png", 0))
    (failed,) = write_drafts(reporter, [image])
    assert failed.status == "failed"
    assert "is no volume" in failed.reason


def test_a_model_of_images_refuses_a_volume(directory, tmp_path):
    study = make_study("a", write_nifti(tmp_path / "a.nii.gz", make_scan()))
    (failed,) = write_drafts(load_medkit(directory), [study])
    assert failed.status == "failed"
    assert "is a volume (NIfTI): a 2D image is wanted" in failed.reason


def test_a_directory_comes_back_as_it_was_written(directory):
    model = read_medkit(directory)
    assert not model.training
    assert model.config.labels == LABELS
    images = torch.rand(1, 1, 64, 64)
    again = read_medkit(directory)
    with torch.no_grad():
        assert torch.equal(model.vision(images).logits, again.vision(images).logits)
