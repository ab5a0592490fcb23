"""R2GenKG as a reporter: views averaged, studies together, drafts that say what they are."""

import dataclasses
import pickle
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from radkg.errors import ArchiveError, ExtractorError
from radkg.extractor.images import prepare_image
from radkg.model.report.files import VISION, save_r2genkg
from radkg.model.report.grid import load_grid_encoder
from radkg.model.report.r2genkg_config import SightConfig
from radkg.reporter.loading import load_reporter
from radkg.reporter.r2genkg import load_r2genkg
from radkg.reporter.unplanned import UNPLANNED
from radkg.schema.drafts import check_draft
from radkg.schema.records import Image as StudyImage
from radkg.schema.records import Study
from radkg.train.reports.images import SHIPPED_EYE
from tests.model.report.tiny import REPORTS, make_batch, make_config, make_model

SIGHT = SightConfig(kind="grid", tokens=49, dim=320, encoder=VISION)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Three pictures, each bright in another place."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    paths = []
    for number in range(3):
        pixels = rng.integers(0, 60, (64, 64), np.uint8)
        pixels[20 * number :][:20] += 180
        paths.append(str(folder / f"{number}.png"))
        Image.fromarray(pixels).save(paths[-1])
    return paths


@pytest.fixture(scope="module")
def encoder():
    return load_grid_encoder(str(SHIPPED_EYE))


@pytest.fixture(scope="module")
def directory(pictures, encoder, tmp_path_factory):
    """A model that has learnt which of two pictures each report goes with."""
    model = make_model(sight=dataclasses.replace(SIGHT, encoder_id=encoder.encoder_id))
    squares = [prepare_image(path, encoder.preprocessing) for path in pictures[:2]]
    seen = encoder.encode_squares(squares).view(2, 1, 49, 320)
    batch = make_batch() | {"seen": seen, "is_view": torch.ones(2, 1, dtype=torch.bool)}
    optimiser = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for _ in range(100):
        optimiser.zero_grad()
        loss = model(batch)
        loss.backward()
        optimiser.step()
    assert loss < 0.2
    folder = tmp_path_factory.mktemp("model")
    save_r2genkg(folder, model, model.state_dict(), "a test")
    shutil.copytree(SHIPPED_EYE, folder / VISION)
    # invented pictures look like no radiograph; the guard has a test of its own
    config = folder / VISION / "config.json"
    lines = config.read_text().splitlines()
    kept = [line for line in lines if '"unlike_limit"' not in line]
    config.write_text("\n".join(kept).replace(",\n}", "\n}"))
    return folder


def make_study(number: int, *paths: str) -> Study:
    images = tuple(StudyImage(f"i{i}", None, path) for i, path in enumerate(paths))
    name = f"s{number}"
    return Study(name, name, "a", None, "", (), images, None, "f")


def test_each_study_gets_the_report_of_its_image(directory, pictures):
    reporter = load_reporter(str(directory))
    studies = [make_study(0, pictures[0]), make_study(1), make_study(2, pictures[1])]
    drafts = [check_draft(draft) for draft in reporter(studies)]
    assert [draft.study_id for draft in drafts] == ["s0", "s1", "s2"]
    assert [draft.text for draft in drafts] == [REPORTS[0], "", REPORTS[1]]
    assert [draft.status for draft in drafts] == ["unverified", "empty", "unverified"]
    assert drafts[0].reason == UNPLANNED
    assert "has no image at hand" in (drafts[1].reason or "")
    assert [drafts[0].text[s.start : s.end] for s in drafts[0].sentences] == [
        "The heart is enlarged.",
        "No effusion.",
    ]
    assert {s.origin for draft in drafts for s in draft.sentences} == {"generated"}
    assert {draft.reporter for draft in drafts} == {"r2genkg"}
    assert {draft.model_id for draft in drafts} == {reporter.model_id}


def test_many_studies_together_are_each_as_alone(directory, pictures):
    reporter = load_r2genkg(directory)
    studies = [make_study(i, pictures[i % 2]) for i in range(20)]  # more than one batch
    together = [draft.text for draft in reporter(studies)]
    assert together == [REPORTS[i % 2] for i in range(20)]
    assert reporter([]) == []


def test_views_are_averaged_token_by_token(directory, pictures):
    reporter = load_r2genkg(directory)
    pixels = [np.asarray(Image.open(path)) for path in pictures]
    squares = torch.stack([reporter.preprocessing.make_square(each) for each in pixels])
    views = reporter._looker.look(squares)
    model = reporter._model
    both = model.look(views[None, :2], torch.ones(1, 2, dtype=torch.bool))[0]
    alone = torch.ones(1, 1, dtype=torch.bool)
    each = [model.look(views[None, i : i + 1], alone)[0] for i in range(2)]
    torch.testing.assert_close(both, (each[0] + each[1]) / 2)
    twice = make_study(0, pictures[1], pictures[1])
    assert reporter([twice])[0].text == REPORTS[1]


def test_prepared_images_are_used_and_a_missing_one_is_said(directory, pictures):
    reporter = load_r2genkg(directory)
    study = make_study(0, pictures[0])
    square = reporter.preprocessing.make_square(np.asarray(Image.open(pictures[1]))).numpy()
    assert reporter([study], {pictures[0]: square})[0].text == REPORTS[1]
    with pytest.raises(ArchiveError, match="too small"):
        reporter([study], {pictures[0]: "the image is too small"})
    with pytest.raises(ArchiveError):
        reporter([make_study(0, "/nowhere.png")])


def test_what_the_guard_refuses_is_not_looked_at(directory, pictures, tmp_path):
    shutil.copytree(directory, tmp_path / "model")
    shutil.copy(SHIPPED_EYE / "config.json", tmp_path / "model" / VISION / "config.json")
    reporter = load_r2genkg(tmp_path / "model")
    (draft,) = reporter([make_study(0, pictures[0])])
    assert draft.status == "empty"
    assert "looks like a frontal chest radiograph" in (draft.reason or "")
    assert reporter.model_id != load_r2genkg(directory).model_id


def test_a_model_of_another_tower_or_of_findings_is_refused(directory, tmp_path):
    shutil.copytree(directory, tmp_path / "model")
    text = (tmp_path / "model" / "config.json").read_text()
    (tmp_path / "model" / "config.json").write_text(
        text.replace(load_grid_encoder(str(SHIPPED_EYE)).encoder_id, "0123456789abcdef")
    )
    with pytest.raises(ExtractorError, match="on the grid of tower 0123456789abcdef"):
        load_r2genkg(tmp_path / "model")
    sight = SightConfig(kind="findings", tokens=3, dim=16, findings=("effusion",))
    model = make_model(sight=sight)
    save_r2genkg(tmp_path / "oracle", model, model.state_dict(), "a test")
    with pytest.raises(ExtractorError, match="cannot report"):
        load_r2genkg(tmp_path / "oracle")


def test_a_reporter_travels_to_workers(directory, pictures):
    reporter = pickle.loads(pickle.dumps(load_r2genkg(directory)))
    assert reporter([make_study(0, pictures[0])])[0].text == REPORTS[0]


def test_settings_of_the_toy_fit_the_tower(encoder):
    assert encoder.dim == 49 * 320 == SIGHT.tokens * SIGHT.dim
    assert make_config(sight=SIGHT).prefix_length == 49 + 8 + 49 + 3 + 3
