"""What MedKit learns, in two stages: the base, then a student beside the base, which is frozen.

`prepare` of the base writes studies, images, settings and tokenizer; the student learns from the
same. The base writes reports from the image alone and tells the labels. The student begins with
ImageNet's tower again and the base's language model, and reads what is known of its labels.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer
from transformers import PreTrainedModel

from radkg.errors import ConfigError
from radkg.gold.held_out import is_held_out
from radkg.knowledge.phrases import describe_labels
from radkg.knowledge.store import load_knowledge
from radkg.model import checkpoint
from radkg.model.report.files import LANGUAGE, compute_language_id
from radkg.model.report.generator import read_causal_language
from radkg.model.report.medkit_config import MedKitConfig, make_small_medkit
from radkg.model.report.wording import PUBLISHED_WORDING, train_report_tokenizer
from radkg.private import write_text
from radkg.train.eye import list_frequent
from radkg.train.reports.examples import make_examples, read_studies
from radkg.train.reports.images import (
    list_image_locations,
    load_seen,
    read_squares,
    save_seen,
)
from radkg.train.reports.making import load_examples, save_examples
from radkg.train.reports.medkit_held_out import complete_medkit
from radkg.train.reports.medkit_settings import MedKitSettings
from radkg.train.reports.medkit_starts import start_base, start_student
from radkg.train.reports.medkit_task import MedKitTask, list_labels
from radkg.train.stage_task import READS_IMAGES, ModelCard, StagePaths, TrainJob, TrainStage

BASE, STUDENT = "medkit_base", "medkit_student"
_EXAMPLES = "reports.jsonl"
_MIN_STUDIES = 20  # with a finding, for it to be a label
_MARGIN = 1.2  # the kept images are larger than the augmented ones
_WHAT = (
    "MedKit (Expert Systems with Applications 296:129003), the minimal reading of it: an image "
    "tower with a label head, what a knowledge graph knows of the labels, and a language model "
    "that writes findings and impression."
)
_TARGETS = """- Drafts are research output, written without a plan. Read one back before anything
  else.
- Learnt from the sentences of findings and impression without a mask of de-identification, and
  from human MeSH codes.
"""


def prepare(job: TrainJob, stage: TrainStage, paths: StagePaths) -> None:
    """Write studies, images, settings and tokenizer; a student only looks for those of its base.

    Raises:
        ConfigError: there is no study with codes, an image and a report, no finding is frequent
            enough, the knowledge graph is not named, or the base does not stand.
        KnowledgeError: the knowledge graph is empty, or does not know a label.
    """
    settings = _settings(job, stage)
    if stage.name == STUDENT:
        if not (paths.locate_stage(BASE) / "model").is_dir():
            raise ConfigError(
                f"stage {STUDENT} goes on from {BASE}, which does not stand in {paths.out}: train "
                "it first"
            )
        return
    studies, golds = read_studies(job.archive, job.images, "train", job.limit)
    studies = [s for s in studies if s.study_id in golds and not is_held_out(s)]
    images = read_squares(round(_MARGIN * settings.side), list_image_locations(studies))
    examples = make_examples(studies, golds, images)
    labels = settings.labels or list_frequent([each.findings for each in examples], _MIN_STUDIES)
    if not examples or not labels:
        raise ConfigError(
            f"{len(examples)} training studies of {job.archive} with codes, a report and an image "
            f"under {job.images} are too few to learn findings from"
        )
    sentences, snapshot_id = _describe(job, settings, labels)
    config, tokenizer = _size(job, settings, labels, sentences, [each.text for each in examples])
    config = dataclasses.replace(config, snapshot_id=snapshot_id)
    save_seen(paths.data, {i: images[i] for example in examples for i in example.image_ids})
    save_examples(paths.data / _EXAMPLES, examples)
    write_text(paths.data / checkpoint.CONFIG, config.to_json())
    tokenizer.save(str(paths.data / checkpoint.TOKENIZER))


def open_task(job: TrainJob, stage: TrainStage, paths: StagePaths) -> MedKitTask:
    """Return the task with the weights that the stage starts from."""
    data = paths.locate_stage(BASE) / "data"
    config = checkpoint.parse_config(MedKitConfig, checkpoint.read_config(data), data)
    examples = load_examples(data / _EXAMPLES)
    prevalence = list_labels(examples, config.labels).mean(0)
    start = (config, checkpoint.read_tokenizer(data), prevalence, stage.config.seed)
    language = _read_language(job, config)
    if stage.name == BASE:
        training = start_base(*start, language)
    else:
        training = start_student(*start, paths.locate_stage(BASE) / "model", language)
    return MedKitTask(training, examples, load_seen(data))


def finish(job: TrainJob, paths: StagePaths, directory: Path) -> ModelCard:
    """Choose the threshold on the held-out tenth, and return what the card says."""
    config = checkpoint.parse_config(MedKitConfig, checkpoint.read_config(directory), directory)
    if config.language is None:
        assert job.language is not None
        shutil.copytree(job.language, directory / LANGUAGE)
        config = dataclasses.replace(config, language_id=compute_language_id(directory / LANGUAGE))
        write_text(directory / checkpoint.CONFIG, config.to_json())
    known = (
        f"- What is known of the labels is of snapshot `{config.snapshot_id}`.\n"
        if config.sentences
        else "- No knowledge graph: the prompt is the image alone.\n"
    )
    return ModelCard(
        what=_WHAT,
        scope=READS_IMAGES,
        targets=_TARGETS + known,
        holds_out=True,
        figures=complete_medkit(job, directory),
    )


def _settings(job: TrainJob, stage: TrainStage) -> MedKitSettings:
    settings = stage.make_settings(job)
    assert isinstance(settings, MedKitSettings)
    return settings


def _describe(
    job: TrainJob, settings: MedKitSettings, labels: Sequence[str]
) -> tuple[tuple[str, ...], str]:
    """Return what a knowledge graph knows of each label, and the snapshot that it is counted from.

    Raises:
        ConfigError: the job names no graph.
    """
    if not settings.knowledge:
        return (), ""
    if job.knowledge is None:
        raise ConfigError(
            f"preset {job.preset} asks a knowledge graph for its labels: build one with `radkg "
            "knowledge build`, and give its directory as --knowledge, or --set knowledge=false"
        )
    knowledge = load_knowledge(Path(job.knowledge))
    return tuple(describe_labels(labels, knowledge)), str(knowledge.facts.get("snapshot_id", ""))


def _size(
    job: TrainJob,
    settings: MedKitSettings,
    labels: Sequence[str],
    sentences: Sequence[str],
    texts: Sequence[str],
) -> tuple[MedKitConfig, Tokenizer]:
    """Return the settings of the student, and the tokenizer of its language model."""
    config = make_small_medkit(tuple(labels), tuple(sentences), settings.vocab_size)
    config = dataclasses.replace(
        config,
        side=settings.side,
        threshold=settings.threshold,
        distill=settings.make_distill(),
    )
    if job.language is None:
        return config, train_report_tokenizer([*texts, *sentences], settings.vocab_size)
    _, tokenizer = read_causal_language(Path(job.language))
    return (
        dataclasses.replace(config, language=None, adaptation="frozen", wording=PUBLISHED_WORDING),
        tokenizer,
    )


def _read_language(job: TrainJob, config: MedKitConfig) -> PreTrainedModel | None:
    if config.language is not None:
        return None
    assert job.language is not None
    return read_causal_language(Path(job.language))[0]
