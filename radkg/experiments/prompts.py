"""What a prompt shows: one sentence at a time against the whole report, with and without image."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import ClassVar

from radkg.experiments.base import Experiment
from radkg.experiments.context import ExperimentContext
from radkg.experiments.examples import PROMPT_UNITS, make_examples
from radkg.experiments.scoring import (
    BY_REPORT,
    FINDINGS,
    NORMAL,
    TRIPLETS,
    make_floors,
    score_codes,
)
from radkg.experiments.table import TableRow
from radkg.schema.records import Condition


@dataclasses.dataclass(frozen=True, kw_only=True)
class PromptsExperiment(Experiment):
    """Compare sentence prompts with report prompts, from a trained and from a fresh start."""

    name: ClassVar[str] = "prompts"
    title: ClassVar[str] = "Whole-report against sentence prompts"
    shown: ClassVar[tuple[str, ...]] = (TRIPLETS, FINDINGS, BY_REPORT, NORMAL)

    starts: tuple[str, ...] = ("trained", "fresh")
    """trained: the model to start from, fresh: random weights"""

    def write_caption(self, context: ExperimentContext) -> str:
        """Return what was trained and what is compared."""
        return (
            "Target codes, the same steps and tokens a step for every variant. Sentence: each "
            "answers for its part of the codes, the answers of a study are merged; report: "
            "findings and impression in one prompt, answered with all codes. The trained start "
            "has learnt from sentence prompts, which favours them; the fresh start has random "
            f"weights. {context.start_sentence}"
        )

    def make_rows(self, context: ExperimentContext) -> Iterator[TableRow]:
        """Yield the floors and the variants; image+report only where the context has images."""
        training, scored = context.training, context.scored
        references = context.list_references(scored)
        for name, answers in make_floors(training, scored, context.filing).items():
            yield TableRow("floor", name, score_codes(references, answers), {})
        conditions: list[Condition] = ["report"]
        if context.config.images is not None:
            conditions.append("image+report")
        for start in self.starts:
            for condition in conditions:
                for unit in PROMPT_UNITS:
                    projector = context.make_projector_config() if condition != "report" else None
                    fresh = start == "fresh"
                    model = context.make_model(projector, fresh=fresh)
                    examples = make_examples(
                        training, condition, context.aligned, training.images, unit
                    )
                    variant = context.train(model, examples, fresh=fresh)
                    figures, seconds = context.score(
                        variant.model, condition, scored.images, unit=unit
                    )
                    yield TableRow(
                        f"{start} start",
                        f"{condition}, {unit} prompts",
                        figures,
                        {**variant.notes, "seconds of reading": seconds},
                    )
