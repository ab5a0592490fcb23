"""One invented archive and one trained model for the tests of report training."""

import shutil
from types import SimpleNamespace

import pytest

from radkg.train.reports.examples import read_studies
from radkg.train.reports.images import compute_cells, list_image_locations
from radkg.train.stage_task import TrainJob
from tests.train.reports.toys import make_archive, make_knowledge, make_stage, run_job

STUDIES = 16


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    """An archive with pictures, and a knowledge graph."""
    folder = tmp_path_factory.mktemp("reports")
    archive, images = make_archive(folder, STUDIES)
    studies, _ = read_studies(str(archive), str(images), "train", STUDIES)
    compute_cells(None, list_image_locations(studies), folder / "features")
    knowledge = make_knowledge(folder / "knowledge")
    return SimpleNamespace(archive=archive, images=images, knowledge=knowledge, folder=folder)


@pytest.fixture(scope="session")
def make_job(place, tmp_path_factory):
    """Jobs on that place."""

    def make(**changes) -> TrainJob:
        out = tmp_path_factory.mktemp("run")
        shutil.copytree(place.folder / "features", out / "features")  # the tower looks only once
        values = {
            "preset": "r2genkg-smoke",
            "archive": str(place.archive),
            "images": str(place.images),
            "knowledge": str(place.knowledge),
            "out": str(out),
            "limit": STUDIES,
        }
        return TrainJob(**values | changes)

    return make


@pytest.fixture(scope="session")
def trained(make_job):
    """A model of some steps."""
    job = make_job()
    losses, model, card = run_job(job, make_stage())
    return SimpleNamespace(job=job, losses=losses, model=model, card=card)
