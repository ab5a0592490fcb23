"""Make the variants of an experiment: read studies and features once, train and score models."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from radkg.archive.files.located import read_bytes
from radkg.archive.images.pixels import read_radiograph
from radkg.errors import ConfigError
from radkg.evaluation.floors import to_answer
from radkg.evaluation.readers import read_codes
from radkg.evaluation.reference import Reference
from radkg.experiments.examples import Aligned, PromptUnit
from radkg.experiments.provenance import describe_origin
from radkg.experiments.scoring import Figures, score_codes
from radkg.experiments.settings import ExperimentConfig
from radkg.experiments.study_sets import Images, StudySet, read_study_sets
from radkg.experiments.training import TrainedVariant, TrainingBudget, count_steps, train
from radkg.experiments.variant_reader import VariantReader
from radkg.extractor import SHIPPED
from radkg.extractor.vlm import read_encoder
from radkg.gold.coded import CodedStudies
from radkg.gold.filing import Filing, fit_filing
from radkg.model import checkpoint
from radkg.model.config import ModelConfig, ProjectorConfig, make_small_config
from radkg.model.language import Language
from radkg.model.vision.encoders import IMAGENET, ImageEncoder, load_encoder
from radkg.model.vision.features import FeatureCache
from radkg.model.vlmkg.batches import Example
from radkg.model.vlmkg.vlm import VisionLanguageModel
from radkg.rules import RulesExtractor
from radkg.schema.records import Condition
from radkg.train.supervision import align, collect_vocabulary

logger = logging.getLogger(__name__)


class ExperimentContext:
    """Studies, features and the model that variants start from; each is read at its first use."""

    def __init__(self, config: ExperimentConfig, vision: str | None = None) -> None:
        """Take the settings; `vision` is the image encoder where the settings name none."""
        self.config = config
        self._vision = config.vision or vision
        self._steps: int | None = None if config.minutes else config.steps

    @cached_property
    def _coded(self) -> tuple[CodedStudies, CodedStudies]:
        config = self.config
        return read_study_sets(config.archive, config.images, config.split, config.limit)

    @cached_property
    def features(self) -> dict[str, Tensor]:
        """Features (C,) of every image of the studies, by image id; {} without images."""
        if self.config.images is None:
            return {}
        locations = {
            image.image_id: image.location
            for part in self._coded
            for study in part.studies
            for image in study.images
            if image.location
        }
        cache = FeatureCache(str(Path(self.config.out) / "features"), read_radiograph, read_bytes)
        found, failures = cache.compute_features(self.encoder, locations)
        for image_id, why in failures.items():
            logger.warning("image=%s left out: %s", image_id, why)
        if not found:
            raise ConfigError(f"no image of {self.config.archive} under {self.config.images}")
        return found

    @cached_property
    def encoder(self) -> ImageEncoder:
        """The frozen image encoder."""
        if self._vision is not None:
            return load_encoder(self._vision)
        config = self.base
        if config.projector is not None and config.vision is not None:
            return read_encoder(self.directory, config)
        return load_encoder(IMAGENET)

    @cached_property
    def training(self) -> StudySet:
        """The studies to train on: the training split without its held-out tenth."""
        return self._part(self._coded[0])

    @cached_property
    def scored(self) -> StudySet:
        """The studies to score on."""
        return self._part(self._coded[1])

    @cached_property
    def filing(self) -> Filing:
        """The coders' habits, counted on the studies to train on."""
        return fit_filing(RulesExtractor()(self.training.studies), self.training.golds)

    @cached_property
    def aligned(self) -> Aligned:
        """Sentences of the studies to train on, each with its part of the codes, by study_id."""
        pairs = zip(self.training.studies, self.training.golds, strict=True)
        return {study.study_id: align(study, codes, self.filing) for study, codes in pairs}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The closed vocabulary of the studies to train on."""
        return collect_vocabulary(self.training.coded)

    @property
    def directory(self) -> Path:
        """The model directory that variants start from."""
        return SHIPPED.get(self.config.model, Path(self.config.model))

    @cached_property
    def base(self) -> ModelConfig:
        """Settings of the model that variants start from."""
        values = checkpoint.read_config(self.directory)
        return checkpoint.parse_config(ModelConfig, values, self.directory)

    @property
    def start_sentence(self) -> str:
        """What variants start from, as a sentence."""
        model_id = checkpoint.compute_model_id(self.directory)
        return (
            f"Variants start from a text model ({model_id}) that, as the small image encoder, "
            "was trained on the training split without its held-out tenth: it has seen no study "
            "that is scored here."
        )

    def require_images(self, name: str) -> None:
        """Check that the experiment has images.

        Raises:
            ConfigError: the settings name no --images.
        """
        if self.config.images is None:
            raise ConfigError(f"experiment {name} needs --images: a directory with the images")

    def make_projector_config(self, **changes: Any) -> ProjectorConfig:
        """Return the projector of the small preset, sized for encoder and language model."""
        default = make_small_config().projector
        assert default is not None
        sizes = {"dim_in": self.encoder.dim, "dim_out": self.base.language.hidden}
        return dataclasses.replace(default, **{**sizes, **changes})

    def make_model(
        self, projector: ProjectorConfig | None, *, fresh: bool = False
    ) -> VisionLanguageModel:
        """Return an untrained variant: a new projector on the language model to start from.

        Args:
            fresh: whether the language model starts from random weights.
        """
        config = dataclasses.replace(
            self.base,
            projector=projector,
            vision=None,
            names=self.names,
        )
        language = Language(checkpoint.read_tokenizer(self.directory), config.language)
        torch.manual_seed(self.config.seed)
        model = VisionLanguageModel(config, language)
        if not fresh:
            checkpoint.load_weights(model.model, self.directory, "model.")
        return model

    def train(
        self, model: VisionLanguageModel, *kinds: Sequence[Example], fresh: bool = False
    ) -> TrainedVariant:
        """Train a variant of `make_model` on one or more kinds of examples (see training.py)."""
        limit = self.base.language.max_positions
        budget = TrainingBudget(self._steps, self.config.batch_tokens, self.config.seed, limit)
        if budget.steps is None:
            assert self.config.minutes is not None
            self._steps = count_steps(
                60 * self.config.minutes, budget, model, kinds[0], self.features
            )
            budget = dataclasses.replace(budget, steps=self._steps)
        return train(model, kinds, self.features, budget, fresh=fresh)

    def score(
        self,
        model: VisionLanguageModel,
        condition: Condition,
        images: Images,
        part: StudySet | None = None,
        unit: PromptUnit = "sentence",
    ) -> tuple[Figures, float]:
        """Return a variant's figures on a part (default: `scored`), and the seconds of reading."""
        part = part or self.scored
        reader = VariantReader(model, condition, self.features, images, self.names, unit)
        start = time.perf_counter()
        answers = [to_answer(codes, self.filing) for codes in read_codes(reader, part.studies)]
        seconds = time.perf_counter() - start
        return score_codes(self.list_references(part), answers), round(seconds, 1)

    def list_references(self, part: StudySet) -> list[Reference]:
        """Return the references of the studies of a part."""
        return part.list_references(self.filing)

    def describe_provenance(self) -> str:
        """Return data, budget, seed, date, commit and hardware of the figures, as sentences."""
        config = self.config
        on = (
            "the held-out tenth of the training split (to choose on, not to report)"
            if config.split == "dev"
            else "the test split"
        )
        encoder = f" Images through {Path(self.encoder.name).name}." if config.images else ""
        return (
            f"{len(self.scored)} studies of {on}, {len(self.training)} to train on; "
            f"{self._steps} steps of {config.batch_tokens} tokens a condition, bf16, seed "
            f"{config.seed}, one run each: intervals are 95 % bootstrap over studies and leave "
            f"out the spread over seeds. Greedy, no thresholds.{encoder} {describe_origin()}"
        )

    def _part(self, coded: CodedStudies) -> StudySet:
        known = self.features
        images: dict[str, tuple[str, ...]] = {}
        for study in coded.studies:
            ids = tuple(i.image_id for i in study.images if i.image_id in known)
            if ids:
                images[study.study_id] = ids
        part = StudySet(coded, images)
        return part if self.config.images is None else part.filter(lambda s: s.study_id in images)


def count_parameters(model: VisionLanguageModel) -> Mapping[str, int]:
    """Return the numbers of weights of the projector and of the language model."""
    projector = model.projector.parameters() if model.projector is not None else ()
    return {
        "projector": sum(p.numel() for p in projector),
        "language": sum(p.numel() for p in model.model.parameters()),
    }
