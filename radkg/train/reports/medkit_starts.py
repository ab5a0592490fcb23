"""What each stage of MedKit starts from: the base from ImageNet, the student from the base."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor
from transformers import PreTrainedModel

from radkg.model.checkpoint import load_weights
from radkg.model.report.distill import DistillConfig
from radkg.model.report.medkit import MedKit, make_labelled_encoder
from radkg.model.report.medkit_config import MedKitConfig
from radkg.model.report.medkit_files import make_medkit
from radkg.model.report.medkit_training import MedKitTraining
from radkg.model.vision.tower import load_imagenet_tower


def start_base(
    config: MedKitConfig,
    tokenizer: Tokenizer,
    prevalence: Tensor,
    seed: int,
    language: PreTrainedModel | None = None,
) -> MedKitTraining:
    """Return the base: no teacher, and a prompt of the image alone.

    Args:
        config: that of the student.
        tokenizer: that of the language model.
        prevalence: share of the studies that have each label, (L,).
        seed: of the random weights.
        language: a published language model; None: our own, with random weights.
    """
    config = dataclasses.replace(config, sentences=(), distill=DistillConfig(teacher_weight=0.0))
    return MedKitTraining(_make(config, tokenizer, prevalence, seed, language), config.distill)


def start_student(
    config: MedKitConfig,
    tokenizer: Tokenizer,
    prevalence: Tensor,
    seed: int,
    base: Path,
    language: PreTrainedModel | None = None,
) -> MedKitTraining:
    """Return the student beside the frozen base.

    Its tower begins with ImageNet's weights again: one that began as its teacher would have nothing
    to learn from it. Projector and language model go on from the base, for the language model has
    learnt to write there.

    Args:
        config: the student's; `distill` says which terms it learns from.
        tokenizer: that of the language model.
        prevalence: share of the studies that have each label, (L,).
        seed: of the random weights.
        base: model directory that the first stage ended with.
        language: a published language model; None: our own.
    """
    student = _make(config, tokenizer, prevalence, seed, language)
    load_weights(student.projector, base, "projector.")
    if config.language is not None:
        load_weights(student.generator, base, "generator.")
    if not config.distill.needs_teacher:
        return MedKitTraining(student, config.distill)
    teacher = make_labelled_encoder(config)
    load_weights(teacher, base, "vision.")
    return MedKitTraining(student, config.distill, teacher)


def _make(
    config: MedKitConfig,
    tokenizer: Tokenizer,
    prevalence: Tensor,
    seed: int,
    language: PreTrainedModel | None,
) -> MedKit:
    torch.manual_seed(seed)
    model = make_medkit(config, tokenizer, language, load_imagenet_tower())
    model.vision.set_prevalence(prevalence)
    if config.language is not None and not torch.cuda.is_available():
        model.generator.model.set_attn_implementation("eager")  # faster on a CPU, see stages/vlm
    return model
