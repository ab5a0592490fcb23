"""What the image adds: report and image, each alone, both, and with the image of another study.

One comparison uses the same weights under every condition, the other trains weights for each.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import ClassVar

from radkg.experiments.base import Experiment
from radkg.experiments.context import ExperimentContext
from radkg.experiments.examples import PromptUnit, make_examples
from radkg.experiments.scoring import (
    BY_CODES,
    BY_REPORT,
    FINDINGS,
    NORMAL,
    TRIPLETS,
    make_floors,
    score_codes,
)
from radkg.experiments.study_sets import Images
from radkg.experiments.table import TableRow
from radkg.model.vlmkg.batches import Example
from radkg.schema.records import CONDITIONS, Condition


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConditionsExperiment(Experiment):
    """Compare the conditions, with and without the image of another study."""

    name: ClassVar[str] = "conditions"
    title: ClassVar[str] = "What the image adds"
    shown: ClassVar[tuple[str, ...]] = (TRIPLETS, FINDINGS, BY_CODES, BY_REPORT, NORMAL)

    unit: PromptUnit = "sentence"
    """the part of a report that one prompt shows"""

    def write_caption(self, context: ExperimentContext) -> str:
        """Return what was trained and what is compared."""
        return (
            f"Target codes, one {self.unit} a prompt. Same weights: one variant whose steps take "
            "turns between the three conditions, each condition with as many steps as a retrained "
            "variant has. Retrained: a variant for each condition alone, the shuffled ones "
            "trained on shuffled images as well. Shuffled: every study is shown the image of "
            "another study, one fixed cycle through all studies. Floors look at nothing: constant "
            "is the fixed answer with the best F1 on training studies, majority their most "
            f"frequent answer. {context.start_sentence}"
        )

    def make_rows(self, context: ExperimentContext) -> Iterator[TableRow]:
        """Yield the floors, the same weights, and the retrained variants."""
        context.require_images("conditions")
        scored, training = context.scored, context.training
        references = context.list_references(scored)
        for name, answers in make_floors(training, scored, context.filing).items():
            yield TableRow("floor", name, score_codes(references, answers), {})
        seed = context.config.seed
        shown = {"": scored.images, ", shuffled image": scored.shuffle_images(seed)}
        trained_images = {"": training.images, ", shuffled image": training.shuffle_images(seed)}
        compared: tuple[tuple[Condition, str], ...] = (
            ("report", ""),
            ("image", ""),
            ("image", ", shuffled image"),
            ("image+report", ""),
            ("image+report", ", shuffled image"),
        )

        def make_condition_examples(condition: Condition, images: Images) -> list[Example]:
            return make_examples(training, condition, context.aligned, images, self.unit)

        kinds = [make_condition_examples(condition, training.images) for condition in CONDITIONS]
        same = context.train(context.make_model(context.make_projector_config()), *kinds)
        for condition, how in compared:
            figures, seconds = context.score(same.model, condition, shown[how], unit=self.unit)
            yield TableRow(
                "same weights",
                condition + how,
                figures,
                {**same.notes, "seconds of reading": seconds},
            )
        for condition, how in compared:
            projector = context.make_projector_config() if condition != "report" else None
            own = context.train(
                context.make_model(projector),
                make_condition_examples(condition, trained_images[how]),
            )
            figures, seconds = context.score(own.model, condition, shown[how], unit=self.unit)
            yield TableRow(
                "retrained", condition + how, figures, {**own.notes, "seconds of reading": seconds}
            )
