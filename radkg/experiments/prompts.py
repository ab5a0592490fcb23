"""What a prompt shows: one sentence at a time against the whole report, with and without image."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from radkg.config import Config
from radkg.experiments.context import Laboratory
from radkg.experiments.examples import UNITS, examples
from radkg.experiments.scoring import BY_REPORT, FINDINGS, NORMAL, TRIPLETS, code_figures, floors
from radkg.experiments.table import Row
from radkg.schema.records import Condition

TITLE = "Whole-report against sentence prompts"
SHOWN = (TRIPLETS, FINDINGS, BY_REPORT, NORMAL)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(Config):
    """Which starts are compared."""

    starts: tuple[str, ...] = ("trained", "fresh")
    """trained: the model to start from, fresh: random weights"""


def caption(laboratory: Laboratory, settings: Settings) -> str:
    """Return what was trained and what is compared."""
    return (
        "Target codes, the same steps and tokens a step for every variant. Sentence: each answers "
        "for its part of the codes, the answers of a study are merged; report: findings and "
        "impression in one prompt, answered with all codes. The trained start has learnt from "
        "sentence prompts, which favours them; the fresh start has random weights. "
        f"{laboratory.start}"
    )


def rows(laboratory: Laboratory, settings: Settings) -> Iterator[Row]:
    """Yield the floors and the variants; image+report only where images are given."""
    training, scored = laboratory.training, laboratory.scored
    yard = laboratory.yard(scored)
    for name, answers in floors(training, scored, laboratory.filing).items():
        yield Row("floor", name, code_figures(yard, answers), {})
    conditions: list[Condition] = ["report"]
    if laboratory.config.images is not None:
        conditions.append("image+report")
    for start in settings.starts:
        for condition in conditions:
            for unit in UNITS:
                projector = laboratory.projector() if condition != "report" else None
                fresh = start == "fresh"
                model = laboratory.model(projector, fresh=fresh)
                taught = examples(training, condition, laboratory.aligned, training.images, unit)
                variant = laboratory.train(model, taught, fresh=fresh)
                figures, seconds = laboratory.score(
                    variant.model, condition, scored.images, unit=unit
                )
                yield Row(
                    f"{start} start",
                    f"{condition}, {unit} prompts",
                    figures,
                    {**variant.notes, "seconds of reading": seconds},
                )
