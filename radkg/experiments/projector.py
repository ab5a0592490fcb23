"""Which projector: linear to one token, linear to n, a bottleneck MLP, the transformer mapper."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, ClassVar

from radkg.experiments.base import Experiment
from radkg.experiments.context import ExperimentContext, count_parameters
from radkg.experiments.examples import make_examples
from radkg.experiments.scoring import BY_CODES, FINDINGS, NORMAL, TRIPLETS, make_floors, score_codes
from radkg.experiments.table import TableRow
from radkg.model.config import PROJECTORS, ProjectorKind
from radkg.schema.records import Condition


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProjectorExperiment(Experiment):
    """Compare kinds of projectors."""

    name: ClassVar[str] = "projector"
    title: ClassVar[str] = "Projector kinds"
    shown: ClassVar[tuple[str, ...]] = (TRIPLETS, FINDINGS, BY_CODES, NORMAL)

    kinds: tuple[ProjectorKind, ...] = PROJECTORS
    prefix_length: int = 4
    """n, and k of the mapper; linear-1 has one token"""
    layers: int = 1
    """number of layers of the mapper"""

    def write_caption(self, context: ExperimentContext) -> str:
        """Return what was trained and what is compared."""
        return (
            f"Target codes, one sentence a prompt; prefix of {self.prefix_length} tokens "
            f"(linear-1: one), mapper with {self.layers} layer(s) and as many clip tokens. One "
            "variant a kind, whose steps take turns between image alone and image+report; floors "
            f"look at nothing. {context.start_sentence}"
        )

    def make_rows(self, context: ExperimentContext) -> Iterator[TableRow]:
        """Yield the floors and each kind under two conditions."""
        context.require_images("projector")
        training, scored = context.training, context.scored
        references = context.list_references(scored)
        for name, answers in make_floors(training, scored, context.filing).items():
            yield TableRow("floor", name, score_codes(references, answers), {})
        conditions: tuple[Condition, ...] = ("image", "image+report")
        examples = [
            make_examples(training, c, context.aligned, training.images) for c in conditions
        ]
        for kind in self.kinds:
            length = 1 if kind == "linear-1" else self.prefix_length
            sizes: dict[str, Any] = {
                "kind": kind,
                "prefix_length": length,
                "clip_length": length,
                "layers": self.layers,
            }
            model = context.make_model(context.make_projector_config(**sizes))
            weights = count_parameters(model)["projector"]
            variant = context.train(model, *examples)
            for condition in conditions:
                figures, seconds = context.score(variant.model, condition, scored.images)
                notes = {
                    **variant.notes,
                    "projector weights": weights,
                    "seconds of reading": seconds,
                }
                yield TableRow(condition, f"{kind}, {weights / 1e6:.2f} M", figures, notes)
