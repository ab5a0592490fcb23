"""A coded archive of invented reports, an image for each study, and a tiny model to start from."""

import dataclasses
from pathlib import Path

import pytest
import torch

from radkg.experiments.settings import ExperimentConfig
from radkg.model import checkpoint
from radkg.model.config import ModelConfig
from radkg.model.language import make_language_model
from tests.evaluation.coded_archive import coded_archive, write_coded_images
from tests.model.tiny import config, language


@pytest.fixture(scope="session")
def archive(tmp_path_factory) -> Path:
    return coded_archive(tmp_path_factory.mktemp("archive") / "coded.tgz")


@pytest.fixture(scope="session")
def images(archive, tmp_path_factory) -> Path:
    return write_coded_images(archive, tmp_path_factory.mktemp("images"))


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
