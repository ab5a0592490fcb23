"""The end of the vision-language model's training: its image encoder, its thresholds, its figures.

The encoder that the run trained goes into the model directory. The confidences from which codes are
given are chosen on the held-out tenth of the training split; the card says how right the model is
there.
"""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

from radkg.extractor.vlm import VlmExtractor
from radkg.gold.coded import CodedStudies, load_coded_studies
from radkg.model.checkpoint import CONFIG, parse_config, read_config
from radkg.model.config import ModelConfig
from radkg.private import write_text
from radkg.train.calibrating import calibrate_reader
from radkg.train.eye import complete_eye
from radkg.train.labelled import ANNOTATED
from radkg.train.stage_task import ModelCard, StagePaths, TrainJob
from radkg.train.supervision import split_held_out
from radkg.train.thresholds import choose_thresholds

_VISION = "vision"
_WHAT = (
    "A vision-language model that writes triplets (VLM-KG, arXiv 2505.17042): image prefix, "
    "Qwen2-architecture language model, grammar."
)
_TARGETS = f"""{ANNOTATED}- Target `copy` also imitates the one-pass model on sentences
  that nobody annotated (silver).
- Target `codes` learnt from human MeSH codes, and silver ones on invented sentences.
- Where `copy_reader` is set in config.json, that one-pass model reads `copy` in place of the
  language model: of the small ones it is the better and the faster reader.
"""


def finish(job: TrainJob, paths: StagePaths, directory: Path) -> ModelCard:
    """Complete the model directory, and return what its card says."""
    eye = complete_eye(job, directory / _VISION) if _copy_encoder(paths, directory) else ""
    read = VlmExtractor(directory, "report").read_sentences
    calibration, figures = calibrate_reader(read, job.limit)
    _change_settings(directory, calibration=calibration)
    if job.preset == "small":
        _change_settings(directory, copy_reader="onepass")
    chosen_on = split_held_out(load_coded_studies(job.archive, "train", job.images))[1].take_first(
        job.limit
    )
    figures += _figures(directory, chosen_on) if len(chosen_on) else ""
    figures += eye
    return ModelCard(what=_WHAT, targets=_TARGETS, holds_out=True, figures=figures)


def _copy_encoder(paths: StagePaths, directory: Path) -> bool:
    """Put the eye that the run trained into the model directory; tell whether there is one."""
    config = parse_config(ModelConfig, read_config(directory), directory)
    tower = paths.locate_stage(_VISION) / "model"
    if config.vision is None or config.vision.encoder != str(tower):
        return False
    shutil.copytree(tower, directory / _VISION)
    _change_settings(directory, vision=dataclasses.replace(config.vision, encoder=_VISION))
    return True


def _change_settings(directory: Path, **settings: Any) -> None:
    config = parse_config(ModelConfig, read_config(directory), directory)
    write_text(directory / CONFIG, dataclasses.replace(config, **settings).to_json())


def _figures(directory: Path, chosen_on: CodedStudies) -> str:
    """Choose the thresholds, and return the figures that the card shows."""
    lines = ["## On the held-out tenth, against the human codes", ""]
    lines += ["| condition | studies | triplets P | R | F1 |", "|---|--:|--:|--:|--:|"]
    for condition, (number, found) in choose_thresholds(directory, chosen_on).items():
        lines.append(
            f"| {condition} | {number} | {found.precision:.3f} | {found.recall:.3f} | "
            f"{found.f1:.3f} |"
        )
    settings = read_config(directory)
    chosen = ", ".join(f"{k} {v}" for k, v in settings.items() if k.endswith("_threshold"))
    return "\n".join([*lines, "", f"Thresholds chosen there: {chosen}"]) + "\n\n"
