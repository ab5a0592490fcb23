"""What the tower of an eye learns: which findings a study has, from each of its images.

`prepare` writes the images small, as bytes, with a 0/1 label for each finding that is frequent
enough. The eye's readout is fitted when the tower is done (train/eye.py).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from radkg.errors import ConfigError
from radkg.gold.coded import load_coded_studies
from radkg.gold.filing import list_gold_findings
from radkg.model.checkpoint import save
from radkg.model.vision.eye import Eye, EyeConfig
from radkg.model.vision.preprocessing import Preprocessing
from radkg.model.vision.tower import load_imagenet_tower
from radkg.model.vision.tower_training import TowerTraining
from radkg.private import write_text
from radkg.train.eye import complete_eye, iterate_radiographs, list_frequent
from radkg.train.stage_task import READS_IMAGES, Batch, ModelCard, StagePaths, TrainJob, TrainStage
from radkg.train.supervision import split_held_out

_SIDE = 192  # px of the images as they are kept
_MIN_IMAGES = 20  # with a finding, for it to be a label
_IMAGES, _LABELS = "images.safetensors", "labels.json"


def prepare(job: TrainJob, stage: TrainStage, paths: StagePaths) -> None:
    """Write the images that can be read, and their labels.

    Raises:
        ConfigError: there is none, or no finding is frequent enough.
    """
    coded = split_held_out(load_coded_studies(job.archive, "train", job.images))[0].take_first(
        job.limit
    )
    resize = Preprocessing(side=_SIDE)
    pixels: list[Tensor] = []
    findings: list[frozenset[str]] = []
    for image, codes in iterate_radiographs(coded):
        pixels.append((resize(image)[0] * 255).round().to(torch.uint8))
        findings.append(list_gold_findings(codes))
    labels = list_frequent(findings, _MIN_IMAGES)
    if not labels:
        raise ConfigError(
            f"{len(pixels)} images under {job.images} are too few to learn findings from"
        )
    matrix = torch.tensor([[float(name in names) for name in labels] for names in findings])
    save_file({"pixels": torch.stack(pixels), "labels": matrix}, paths.data / _IMAGES)
    write_text(paths.data / _LABELS, json.dumps(labels))


def open_task(job: TrainJob, stage: TrainStage, paths: StagePaths) -> TowerTask:
    """Return the task with ImageNet's weights."""
    data = load_file(paths.data / _IMAGES)
    torch.manual_seed(stage.config.seed)
    return TowerTask(
        TowerTraining(load_imagenet_tower(), data["labels"].mean(0)), data["pixels"], data["labels"]
    )


def finish(job: TrainJob, paths: StagePaths, directory: Path) -> ModelCard:
    """Complete the eye, and return what its card says."""
    return ModelCard(
        what="An eye: EfficientNet-Lite0 with an attention over its grid for each code.",
        scope=READS_IMAGES,
        targets="- Learnt from human MeSH codes of the study, for each of its images.\n",
        holds_out=True,
        figures=complete_eye(job, directory),
    )


class TowerTask:
    """The tower with its head, and the images."""

    def __init__(self, model: TowerTraining, pixels: Tensor, labels: Tensor) -> None:
        self.model = model
        self._pixels, self._labels = pixels, labels
        self.lengths = [1] * len(pixels)

    def collate(self, members: Sequence[int], seed: int) -> Batch:
        """Return the batch; the model itself augments it."""
        rows = torch.tensor(members)
        return {"pixels": self._pixels[rows], "labels": self._labels[rows]}

    def save(self, directory: Path, weights: dict[str, Tensor], notes: str) -> None:
        """Write an eye with the tower, without the head, that has no code yet."""
        eye = Eye(EyeConfig().num_codes)
        prefix = "tower."
        eye.tower.load_state_dict(
            {n.removeprefix(prefix): w for n, w in weights.items() if n.startswith(prefix)}
        )
        save(directory, EyeConfig().to_json(), eye.state_dict(), card=notes, half=True)
