"""What a run leaves: one model directory that needs nothing beside it, with thresholds and a card.

The image encoder that the run trained goes inside; the confidences from which codes are given are
chosen on the held-out tenth of the training split, and the card says how right the model is there.
"""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

from radkg.gold.coded import CodedStudies, coded_studies
from radkg.model.checkpoint import CARD, CONFIG, parse_config, read_config
from radkg.model.config import ModelConfig
from radkg.train.presets import stages_of
from radkg.train.stage_task import TrainJob, Work
from radkg.train.supervision import held_out
from radkg.train.thresholds import choose_thresholds

_VISION = "vision"
_TARGETS = """- Target `codes` learnt from human MeSH codes, and silver ones on invented sentences.
- Where `copy_reader` is set in config.json, that one-pass model reads `copy` in place of the
  language model: of the small ones it is the better and the faster reader.
"""
_CARD = """# {title}

{what}

- Trained on the training split of `{archive}`{held}. Where that is Open-i (Indiana
  University; Demner-Fushman et al., JAMIA 2016, doi 10.1093/jamia/ocv080): its reports and
  images are CC BY-NC-ND 4.0, so use this model for non-commercial research only.
- Not for diagnosis. It reads English reports of chest X-rays, and was not tried on others.
- Target `copy` imitates the rules of radkg (silver labels): what they misread, it misreads.
{targets}
{figures}## How it was trained

{notes}"""


def finish(job: TrainJob, last: Work) -> Path:
    """Write OUT/model from the model of the last stage, and return it."""
    model = last.out / "model"
    unfinished = last.out / "model.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(last.model, unfinished)
    kind = read_config(unfinished)["kind"]
    figures = ""
    if kind == "vlm":
        _take_encoder_along(last, unfinished)
        if job.preset == "small":
            _set(unfinished, copy_reader="onepass")
        held = held_out(coded_studies(job.archive, "train", job.images))[1].first(job.limit)
        if len(held):
            figures = _figures(unfinished, held)
    cards = [last.of(stage.name) / "model" / CARD for stage in stages_of(job.preset)]
    notes = "\n".join(card.read_text() for card in cards if card.exists())
    (unfinished / CARD).write_text(
        _CARD.format(
            title=f"radkg {job.preset}",
            what={
                "vlm": "A vision-language model that writes triplets (VLM-KG, arXiv 2505.17042): "
                "image prefix, Qwen2-architecture language model, grammar.",
                "onepass": "A one-pass extractor: word tagger and biaffine relations, for reports.",
            }.get(kind, f"A {kind}."),
            archive=Path(job.archive).name,
            targets=_TARGETS if kind == "vlm" else "",
            held=" without the tenth held out to choose on" if kind == "vlm" else "",
            figures=figures,
            notes=notes,
        )
    )
    shutil.rmtree(model, ignore_errors=True)
    unfinished.rename(model)
    return model


def _take_encoder_along(last: Work, directory: Path) -> None:
    """Put the image encoder that this run trained into the model directory."""
    config = parse_config(ModelConfig, read_config(directory), directory)
    tower = last.of(_VISION) / "model"
    if config.vision is None or config.vision.encoder != str(tower):
        return
    shutil.copytree(tower, directory / _VISION)
    _set(directory, vision=dataclasses.replace(config.vision, encoder=_VISION))


def _set(directory: Path, **settings: Any) -> None:
    config = parse_config(ModelConfig, read_config(directory), directory)
    (directory / CONFIG).write_text(dataclasses.replace(config, **settings).to_json())


def _figures(directory: Path, held: CodedStudies) -> str:
    """Choose the thresholds, and return the figures that the card shows."""
    lines = ["## On the held-out tenth, against the human codes", ""]
    lines += ["| condition | studies | triplets P | R | F1 |", "|---|--:|--:|--:|--:|"]
    for condition, found in choose_thresholds(directory, held).items():
        studies = held if condition == "report" else held.with_image()
        lines.append(
            f"| {condition} | {len(studies)} | {found.precision:.3f} | {found.recall:.3f} | "
            f"{found.f1:.3f} |"
        )
    settings = read_config(directory)
    chosen = ", ".join(f"{k} {v}" for k, v in settings.items() if k.endswith("_threshold"))
    return "\n".join([*lines, "", f"Thresholds chosen there: {chosen}"]) + "\n\n"
