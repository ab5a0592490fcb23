"""What the image adds: report and image, each alone, both, and with the image of another study.

Once with the same weights under every condition, once with weights trained for each.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from radkg.config import Config
from radkg.experiments.context import Laboratory
from radkg.experiments.examples import Unit, examples
from radkg.experiments.parts import Images
from radkg.experiments.scoring import (
    BY_CODES,
    BY_REPORT,
    FINDINGS,
    NORMAL,
    TRIPLETS,
    code_figures,
    floors,
)
from radkg.experiments.table import Row
from radkg.model.vlmkg.batches import Example
from radkg.schema.records import CONDITIONS, Condition

TITLE = "What the image adds"
SHOWN = (TRIPLETS, FINDINGS, BY_CODES, BY_REPORT, NORMAL)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(Config):
    """How the conditions are compared."""

    unit: Unit = "sentence"
    """what one prompt shows of a report"""


def caption(laboratory: Laboratory, settings: Settings) -> str:
    """Return what was trained and what is compared."""
    return (
        f"Target codes, one {settings.unit} a prompt. Same weights: one variant whose steps take "
        "turns between the three conditions, each condition with as many steps as a retrained "
        "variant has. Retrained: a variant for each condition alone, the shuffled ones trained on "
        "shuffled images as well. Shuffled: every study is shown the image of another study, one "
        "fixed cycle through all studies. Floors look at nothing: constant is the fixed answer "
        "with the best F1 on training studies, majority their most frequent answer. "
        f"{laboratory.start}"
    )


def rows(laboratory: Laboratory, settings: Settings) -> Iterator[Row]:
    """Yield the floors, the same weights, and the retrained variants."""
    laboratory.need_images("conditions")
    scored, training = laboratory.scored, laboratory.training
    yard = laboratory.yard(scored)
    for name, answers in floors(training, scored, laboratory.filing).items():
        yield Row("floor", name, code_figures(yard, answers), {})
    seed = laboratory.config.seed
    shown = {"": scored.images, ", shuffled image": scored.shuffled(seed)}
    taught = {"": training.images, ", shuffled image": training.shuffled(seed)}
    compared: tuple[tuple[Condition, str], ...] = (
        ("report", ""),
        ("image", ""),
        ("image", ", shuffled image"),
        ("image+report", ""),
        ("image+report", ", shuffled image"),
    )

    def learnt(condition: Condition, images: Images) -> list[Example]:
        return examples(training, condition, laboratory.aligned, images, settings.unit)

    kinds = [learnt(condition, training.images) for condition in CONDITIONS]
    same = laboratory.train(laboratory.model(laboratory.projector()), *kinds)
    for condition, how in compared:
        figures, seconds = laboratory.score(same.model, condition, shown[how], unit=settings.unit)
        yield Row(
            "same weights", condition + how, figures, {**same.notes, "seconds of reading": seconds}
        )
    for condition, how in compared:
        projector = laboratory.projector() if condition != "report" else None
        own = laboratory.train(laboratory.model(projector), learnt(condition, taught[how]))
        figures, seconds = laboratory.score(own.model, condition, shown[how], unit=settings.unit)
        yield Row(
            "retrained", condition + how, figures, {**own.notes, "seconds of reading": seconds}
        )
