"""A coded archive of invented reports, an image for each study, and a tiny model to start from."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from radkg.archive import open_archive
from radkg.experiments.settings import ExperimentConfig
from radkg.model import checkpoint
from radkg.model.config import ModelConfig
from radkg.model.language import make_language_model
from tests.evaluation.coded_archive import KINDS, coded_archive
from tests.model.tiny import config, language


@pytest.fixture(scope="session")
def archive(tmp_path_factory) -> Path:
    return coded_archive(tmp_path_factory.mktemp("archive") / "coded.tgz")


@pytest.fixture(scope="session")
def images(archive, tmp_path_factory) -> Path:
    """Images that show the codes."""
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for number, record in enumerate(open_archive(str(archive)).index().to_pylist()):
        for image in record["images"]:
            # an image shows what its study says: bright where its kind has its quarter
            pixels = rng.integers(0, 60, (32, 32), np.uint8)
            pixels[:, 8 * (number % len(KINDS)) :][:, :8] += 180
            Image.fromarray(pixels).save(folder / f"{image['image_id']}.png")
    return folder


@pytest.fixture(scope="session")
def start(tmp_path_factory) -> Path:
    """A text-only model with random weights."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("start")
    text_only: ModelConfig = dataclasses.replace(config(), projector=None)
    weights = make_language_model(text_only.language).state_dict(prefix="model.")
    checkpoint.save(
        folder, text_only.to_json(), weights, tokenizer=language().tokenizer, card="a test"
    )
    return folder


@pytest.fixture(scope="session")
def settings(archive, images, start, tmp_path_factory):
    """Settings of a run that takes seconds; features are made once for all tests."""
    out = tmp_path_factory.mktemp("experiments")

    def make(**changes) -> ExperimentConfig:
        values = {
            "out": str(out),
            "archive": str(archive),
            "images": str(images),
            "model": str(start),
            "split": "test",
            "steps": 2,
            "batch_tokens": 256,
            "limit": 16,
        }
        return ExperimentConfig(**values | changes)

    return make
