"""How many tokens: the grid of the mapper's clip length k and prefix length n, image alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from radkg.config import Config
from radkg.experiments.context import Laboratory, num_parameters
from radkg.experiments.examples import examples
from radkg.experiments.scoring import BY_CODES, FINDINGS, NORMAL, TRIPLETS, code_figures, floors
from radkg.experiments.table import Row

TITLE = "Clip length k and prefix length n of the mapper, image alone"
SHOWN = (TRIPLETS, FINDINGS, BY_CODES, NORMAL)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(Config):
    """The grid."""

    clip_lengths: tuple[int, ...] = (2, 8, 32)
    prefix_lengths: tuple[int, ...] = (2, 8, 32)
    layers: int = 1
    """of the mapper"""


def caption(laboratory: Laboratory, settings: Settings) -> str:
    """Return what was trained and what is compared."""
    return (
        f"Target codes, image alone; mapper with {settings.layers} layer(s), one variant a cell, "
        "the same examples in the same order for all. VLM-KG found 64/64 best, larger ones worse, "
        "without figures. Floors look at nothing. "
        f"{laboratory.start}"
    )


def rows(laboratory: Laboratory, settings: Settings) -> Iterator[Row]:
    """Yield the floors and the cells of the grid."""
    laboratory.need_images("prefix")
    training, scored = laboratory.training, laboratory.scored
    yard = laboratory.yard(scored)
    for name, answers in floors(training, scored, laboratory.filing).items():
        yield Row("floor", name, code_figures(yard, answers), {})
    taught = examples(training, "image", laboratory.aligned, training.images)
    for k in settings.clip_lengths:
        for n in settings.prefix_lengths:
            model = laboratory.model(
                laboratory.projector(clip_length=k, prefix_length=n, layers=settings.layers)
            )
            variant = laboratory.train(model, taught)
            figures, seconds = laboratory.score(variant.model, "image", scored.images)
            notes = {
                **variant.notes,
                "projector weights": num_parameters(model)["projector"],
                "seconds of reading": seconds,
            }
            yield Row(f"k = {k}", f"n = {n}", figures, notes)
