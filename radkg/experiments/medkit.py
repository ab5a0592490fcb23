"""What each part of MedKit adds: labels, teacher, feature levels, knowledge; and what depth adds.

Every variant is trained with several seeds. The students of a seed have the same base.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, ClassVar

from radkg.errors import ConfigError
from radkg.experiments.base import Experiment
from radkg.experiments.context import ExperimentContext
from radkg.experiments.medkit_variants import (
    AREA,
    LABELS,
    Answers,
    MedKitVariants,
)
from radkg.experiments.provenance import describe_origin
from radkg.experiments.ranking_scores import estimate_auroc
from radkg.experiments.report_scores import BLEU, DIFFERENT, GAIN, Scored
from radkg.experiments.scoring import FINDINGS, NORMAL
from radkg.experiments.table import TableRow
from radkg.experiments.volumes import predict_balls
from radkg.model.report.distill import DistillConfig
from radkg.model.report.medkit_config import MedKitConfig
from radkg.model.report.medkit_files import read_medkit
from radkg.model.vision.tokens import TOKEN_KINDS

FULL, SHUFFLED = "all terms", "all terms, shuffled images"
_SHOWN_AS = {
    "image": "2D: the mean over the slices",
    "slices": "2D slice by slice",
    "inflated": "inflated to 3D",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class MedKitExperiment(Experiment):
    """Train the base, and students that each lack one term or have one more."""

    name: ClassVar[str] = "medkit"
    title: ClassVar[str] = "What each part of MedKit adds"
    shown: ClassVar[tuple[str, ...]] = (LABELS, AREA, FINDINGS, GAIN, BLEU, NORMAL, DIFFERENT)

    seeds: int = 3
    """trainings of each variant"""
    feature_levels: tuple[int, ...] = (4, 10, 15)
    """blocks of the tower behind which the variant with features compares them"""
    side: int = 160
    """px of the images"""
    vocab_size: int = 2000
    """of the tokenizer that is trained on the reports"""
    max_new_tokens: int = 160
    """of a report that is written"""
    volumes: int = 160
    """invented volumes to learn from; half as many are told"""

    def __post_init__(self) -> None:
        if min(self.seeds, self.max_new_tokens, self.volumes // 4) < 1:
            raise ConfigError(
                f"seeds {self.seeds}, max_new_tokens {self.max_new_tokens}, volumes "
                f"{self.volumes}: give 1, 1 and 4 or more"
            )

    def write_caption(self, context: ExperimentContext) -> str:
        """Return what was trained and what is compared."""
        return (
            "Base: tower, labels and report, the image alone as prompt. Students: ImageNet's tower "
            "again, the base's projector and language model, each beside the same frozen base; "
            "all terms: labels, the base's label distributions, what the knowledge graph knows of "
            "the labels as prompt. One part is left out, or feature maps are compared as well. "
            "Shuffled: the same weights, every study is shown the images of another one. The floor "
            "is the commonest label and the commonest training report. Volumes: a bright ball, or "
            "a rod with the same shadow, in noise; ImageNet's tower frozen."
        )

    def describe_provenance(self, context: ExperimentContext) -> str:
        """Return data, budget, seeds, date, commit and hardware of the figures, as sentences."""
        config = context.config
        on = "the held-out tenth of the training split" if config.split == "dev" else "test"
        return (
            f"Scored on {on}; {config.steps} steps of {config.batch_tokens} tokens a stage, bf16, "
            f"{self.seeds} seed(s): each figure is the mean over them, intervals are 95 % "
            "bootstrap over seeds and studies. Labels are called present from the confidence with "
            f"the best F1 on the held-out tenth on. {describe_origin()}"
        )

    def make_rows(self, context: ExperimentContext) -> Iterator[TableRow]:
        """Yield the floor, the base, the students, and the volumes."""
        context.require_images(self.name)
        variants = MedKitVariants(context.config, self.side, self.vocab_size, self.max_new_tokens)
        yield _make_row(variants, "floor", "commonest", [variants.make_floor()], None)
        seeds = [context.config.seed + i for i in range(self.seeds)]
        bases = [variants.train_base(seed) for seed in seeds]
        answers = [variants.ask(read_medkit(base)) for base in bases]
        yield _make_row(variants, "base", "labels and report", answers, None)
        full: Scored | None = None
        for name, config in self.make_variants(variants.config).items():
            answers, shuffled = [], []
            for seed, base in zip(seeds, bases, strict=True):
                model = variants.train_student(config, seed, base)
                answers.append(variants.ask(model))
                if name == FULL:
                    shuffled.append(variants.ask(model, shift=1))
            yield _make_row(variants, "student", name, answers, full)
            if shuffled:
                full = variants.count(answers)
                yield _make_row(variants, "student", SHUFFLED, shuffled, full)
        for kind in TOKEN_KINDS:
            told = [predict_balls(kind, self.volumes, self.volumes // 2, seed) for seed in seeds]
            # each seed has volumes of its own, whose labels stand in the same order
            area = estimate_auroc(
                [[has] for has in told[0][0]], [[[s] for s in shares] for _, shares in told]
            )
            yield TableRow("volumes", _SHOWN_AS[kind], {AREA: area}, {"seeds": self.seeds})

    def make_variants(self, config: MedKitConfig) -> dict[str, MedKitConfig]:
        """Return the settings of each student by its name."""
        every = DistillConfig()

        def change(**changes: Any) -> MedKitConfig:
            return dataclasses.replace(config, distill=dataclasses.replace(every, **changes))

        return {
            FULL: change(),
            "no teacher": change(teacher_weight=0.0),
            "and feature maps": change(feature_weight=1.0, feature_levels=self.feature_levels),
            "no knowledge": dataclasses.replace(change(), sentences=()),
            "no label loss": change(label_weight=0.0),
        }


def _make_row(
    variants: MedKitVariants, group: str, name: str, answers: list[Answers], full: Scored | None
) -> TableRow:
    return TableRow(group, name, variants.score(answers, full), {"seeds": len(answers)})
