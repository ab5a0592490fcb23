"""How many tokens: the grid of the mapper's clip length k and prefix length n, on images alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import ClassVar

from radkg.experiments.base import Experiment
from radkg.experiments.context import ExperimentContext, count_parameters
from radkg.experiments.examples import make_examples
from radkg.experiments.scoring import BY_CODES, FINDINGS, NORMAL, TRIPLETS, make_floors, score_codes
from radkg.experiments.table import TableRow


@dataclasses.dataclass(frozen=True, kw_only=True)
class PrefixExperiment(Experiment):
    """Compare clip lengths and prefix lengths of the mapper."""

    name: ClassVar[str] = "prefix"
    title: ClassVar[str] = "Clip length k and prefix length n of the mapper, image alone"
    shown: ClassVar[tuple[str, ...]] = (TRIPLETS, FINDINGS, BY_CODES, NORMAL)

    clip_lengths: tuple[int, ...] = (2, 8, 32)
    prefix_lengths: tuple[int, ...] = (2, 8, 32)
    layers: int = 1
    """number of layers of the mapper"""

    def write_caption(self, context: ExperimentContext) -> str:
        """Return what was trained and what is compared."""
        return (
            f"Target codes, image alone; mapper with {self.layers} layer(s), one variant a cell, "
            "the same examples in the same order for all. VLM-KG found 64/64 best, larger ones "
            f"worse, without figures. Floors look at nothing. {context.start_sentence}"
        )

    def make_rows(self, context: ExperimentContext) -> Iterator[TableRow]:
        """Yield the floors and the cells of the grid."""
        context.require_images("prefix")
        training, scored = context.training, context.scored
        references = context.list_references(scored)
        for name, answers in make_floors(training, scored, context.filing).items():
            yield TableRow("floor", name, score_codes(references, answers), {})
        examples = make_examples(training, "image", context.aligned, training.images)
        for k in self.clip_lengths:
            for n in self.prefix_lengths:
                model = context.make_model(
                    context.make_projector_config(
                        clip_length=k, prefix_length=n, layers=self.layers
                    )
                )
                variant = context.train(model, examples)
                figures, seconds = context.score(variant.model, "image", scored.images)
                notes = {
                    **variant.notes,
                    "projector weights": count_parameters(model)["projector"],
                    "seconds of reading": seconds,
                }
                yield TableRow(f"k = {k}", f"n = {n}", figures, notes)
