"""Model directories of a few thousand weights, studies of invented reports, images of noise."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image as PilImage

from radkg.model import checkpoint
from radkg.model.config import ProjectorConfig, VisionConfig
from radkg.model.onepass.network import OnePass, OnePassConfig
from radkg.model.vision.encoders import load_encoder
from radkg.model.vision.eye import Eye, EyeConfig, load_eye
from radkg.model.vision.tower import FEATURE_DIM, Tower
from radkg.model.vlmkg.vlm import VisionLanguageModel
from radkg.schema.records import Image, Section, Study
from tests.model.tiny import config, language, learnt_model, random_model

REPORT = "There is a small left effusion. No effusion. Mild cardiomegaly, no edema."
PROJECTOR = ProjectorConfig(kind="linear-n", dim_in=FEATURE_DIM, dim_out=32, prefix_length=3)


def write_vlm(
    directory: Path, *, learnt: bool = True, encoder: str | None = "vision", **settings
) -> Path:
    """Write a model.

    Its image encoder is a random eye inside its directory (`vision`), one that load_encoder knows
    by name, or None.
    """
    known = (learnt_model() if learnt else random_model()).model
    vision = None
    if encoder:
        torch.manual_seed(3)
        write_eye(directory / "vision", Tower(), settings.get("sure_threshold", 0.0))
        place = str(directory / "vision") if encoder == "vision" else encoder
        vision = VisionConfig(encoder=encoder, encoder_id=load_encoder(place).encoder_id)
    sizes = dataclasses.replace(
        config(), projector=PROJECTOR if encoder else None, vision=vision, **settings
    )
    torch.manual_seed(4)
    model = VisionLanguageModel(sizes, language(), known)
    checkpoint.save(
        directory,
        sizes.to_json(),
        model.state_dict(),
        tokenizer=language().tokenizer,
        card="A model of invented sentences.\n",
    )
    return directory


def write_eye(directory: Path, tower: Tower, sure_threshold: float = 0.0) -> Path:
    """Write an eye with a tower, and a readout of the codes that the invented sentences name."""
    settings = EyeConfig(
        side=64,
        findings=("cardiomegaly", "effusion"),
        triplets=(("left", "modify", "pleura"),),
        sure_threshold=sure_threshold,
    )
    eye = Eye(settings.num_codes, tower)
    checkpoint.save(directory, settings.to_json(), eye.state_dict(), card="An eye.\n")
    return directory


def blind(directory: Path) -> Path:
    """Let an eye take every image for no radiograph."""
    settings = checkpoint.read_config(directory)
    eye, _ = load_eye(directory, settings)
    with torch.no_grad():
        eye.guard.whitening.fill_diagonal_(1)
    changed = json.dumps(settings | {"unlike_limit": 1e-6})
    checkpoint.save(directory, changed, eye.state_dict(), card="An eye.\n")
    return directory


def write_onepass(directory: Path) -> Path:
    """Write a one-pass model with random weights, far enough from zero to find something."""
    torch.manual_seed(5)
    sizes = OnePassConfig(buckets=64, width=16, pair_width=16)
    model = OnePass(sizes)
    with torch.no_grad():
        for weights in model.parameters():
            weights.normal_(std=0.7)
    checkpoint.save(directory, sizes.to_json(), model.state_dict(), card="Random.\n")
    return directory


def study(report: str = REPORT, *files: Path | None, study_id: str = "S1") -> Study:
    """Return a study with one section and its images; None for one that is not at hand."""
    report = f"FINDINGS: {report}"
    images = tuple(
        Image(f"{study_id}-{i}", None, None if path is None else str(path))
        for i, path in enumerate(files)
    )
    section = Section("findings", len("FINDINGS: "), len(report))
    return Study(study_id, "P1", "invented", None, report, (section,), images, None, "f" * 16)


def write_image(path: Path, seed: int = 0) -> Path:
    """Write a grey image of noise."""
    noise = np.random.default_rng(seed).integers(0, 256, (40, 30), np.uint8)
    PilImage.fromarray(noise).save(path)
    return path
