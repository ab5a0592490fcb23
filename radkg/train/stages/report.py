"""What R2GenKG learns: to write the findings and impression of studies from their images.

`prepare` writes the studies as JSON lines that a person can read, what is seen of their images, the
graph as tensors, the model's settings and its tokenizer. The loss is that of the language model
alone, as published: nothing tells the queries what a finding is.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import torch
from tokenizers import Tokenizer
from transformers import AutoConfig, PreTrainedModel

from radkg.errors import ConfigError
from radkg.gold.held_out import is_held_out
from radkg.knowledge.store import load_knowledge
from radkg.model import checkpoint
from radkg.model.report.files import LANGUAGE, VISION, compute_language_id
from radkg.model.report.generator import read_causal_language
from radkg.model.report.r2genkg_config import R2GenKGConfig
from radkg.model.report.sight import SwinSight
from radkg.model.report.wording import train_report_tokenizer
from radkg.model.vision.encoders import IMAGENET
from radkg.private import write_text
from radkg.train.reports.examples import ReportTask, make_examples, read_studies
from radkg.train.reports.held_out import describe_held_out
from radkg.train.reports.images import (
    list_image_locations,
    load_seen,
    load_swin,
    look,
    save_seen,
)
from radkg.train.reports.making import (
    Blueprint,
    build_model,
    load_examples,
    load_tensors,
    make_blueprint,
    save_examples,
    save_tensors,
)
from radkg.train.reports.settings import R2GenKGSettings
from radkg.train.stage_task import READS_IMAGES, ModelCard, StagePaths, TrainJob, TrainStage

_EXAMPLES = "reports.jsonl"
_WHAT = (
    "R2GenKG (arXiv 2508.03426): image tokens, a knowledge graph and a bank of visual tokens are "
    "the prefix of a language model that writes findings and impression."
)
_TARGETS = """- Drafts are research output. No study was read by a person, and no plan stands behind
  the text: read it back before anything else.
- Learnt from the sentences of findings and impression without a mask of de-identification.
"""


def prepare(job: TrainJob, stage: TrainStage, paths: StagePaths) -> None:
    """Write studies, images, graph, settings and tokenizer.

    Raises:
        ConfigError: there is no study with an image and a report, or a setting does not fit.
        KnowledgeError: the knowledge graph is damaged, empty, or of another tower.
    """
    settings = _settings(job, stage)
    assert job.knowledge is not None
    knowledge = load_knowledge(Path(job.knowledge))
    studies, golds = read_studies(job.archive, job.images, "train", job.limit)
    studies = [study for study in studies if not is_held_out(study)]
    sight, seen = look(
        settings.make_config().sight,
        job.vision,
        list_image_locations(studies),
        paths.out / "features",
        knowledge if settings.bank else None,
    )
    examples = make_examples(studies, golds, seen)
    if not examples:
        raise ConfigError(
            f"no training study of {job.archive} has a report and an image under {job.images}: "
            "check --images"
        )
    hidden, tokenizer = _language(job, settings, [example.text for example in examples])
    blueprint = make_blueprint(
        settings, knowledge, sight, examples, tokenizer, hidden=hidden, seed=stage.config.seed
    )
    save_seen(paths.data, {i: seen[i] for example in examples for i in example.image_ids})
    save_examples(paths.data / _EXAMPLES, examples)
    save_tensors(paths.data, blueprint)
    write_text(paths.data / checkpoint.CONFIG, blueprint.config.to_json())
    tokenizer.save(str(paths.data / checkpoint.TOKENIZER))


def open_task(job: TrainJob, stage: TrainStage, paths: StagePaths) -> ReportTask:
    """Return the task with the weights that the stage starts from."""
    config = checkpoint.parse_config(R2GenKGConfig, checkpoint.read_config(paths.data), paths.data)
    language: PreTrainedModel | None = None
    if config.language is None:
        assert job.language is not None
        dtype: torch.dtype = getattr(torch, config.language_dtype)
        language, _ = read_causal_language(Path(job.language), dtype)
    blueprint = Blueprint(config, checkpoint.read_tokenizer(paths.data), *load_tensors(paths.data))
    model = build_model(blueprint, language, stage.config.seed)
    if config.sight.kind == "swin":
        assert job.vision is not None
        load_swin(cast(SwinSight, model.sight), Path(job.vision))
    return ReportTask(model, load_examples(paths.data / _EXAMPLES), load_seen(paths.data))


def finish(job: TrainJob, paths: StagePaths, directory: Path) -> ModelCard:
    """Put eye and language model into the directory; return what the card says."""
    config = checkpoint.parse_config(R2GenKGConfig, checkpoint.read_config(directory), directory)
    if config.sight.kind == "grid" and config.sight.encoder != IMAGENET:
        shutil.copytree(config.sight.encoder, directory / VISION)
        config = dataclasses.replace(
            config, sight=dataclasses.replace(config.sight, encoder=VISION)
        )
    if config.language is None:
        assert job.language is not None
        shutil.copytree(job.language, directory / LANGUAGE)
        config = dataclasses.replace(config, language_id=compute_language_id(directory / LANGUAGE))
    write_text(directory / checkpoint.CONFIG, config.to_json())
    return ModelCard(
        what=_WHAT,
        scope=READS_IMAGES,
        targets=_TARGETS + _describe_knowledge(config),
        holds_out=True,
        figures=describe_held_out(job, directory, paths.out / "features"),
    )


def _settings(job: TrainJob, stage: TrainStage) -> R2GenKGSettings:
    settings = stage.make_settings(job)
    assert isinstance(settings, R2GenKGSettings)
    if settings.size == "published":
        for flag, value in (("--language", job.language), ("--vision", job.vision)):
            if value is None:
                raise ConfigError(
                    f"preset {job.preset} starts from published weights: give {flag} DIR"
                )
    elif job.language:
        raise ConfigError(
            f"preset {job.preset} trains a language model of its own: leave --language out, or "
            "take the preset r2genkg-published"
        )
    return settings


def _language(
    job: TrainJob, settings: R2GenKGSettings, texts: Sequence[str]
) -> tuple[int | None, Tokenizer]:
    """Return the width of a published language model, None for our own, and the tokenizer."""
    if job.language is None:
        return None, train_report_tokenizer(texts, settings.vocab_size)
    directory = Path(job.language)
    try:
        width: int = AutoConfig.from_pretrained(directory, local_files_only=True).hidden_size
    except Exception as error:  # of transformers, without a common base
        raise ConfigError(f"--language {directory} is no language model: {error}") from error
    return width, checkpoint.read_tokenizer(directory)


def _describe_knowledge(config: R2GenKGConfig) -> str:
    graph = config.graph
    if graph is None:
        return "- No knowledge graph: the prefix has no node.\n"
    return (
        f"- Knowledge graph of snapshot `{config.snapshot_id}`, {graph.mode}: "
        f"{graph.scales[graph.chosen]} of {graph.nodes} nodes go on, {graph.edges} edges, "
        f"{config.bank_size} visual tokens.\n"
    )
