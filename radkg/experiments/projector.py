"""Which projector: linear to one token, linear to n, a bottleneck MLP, the transformer mapper."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from radkg.config import Config
from radkg.experiments.context import Laboratory, num_parameters
from radkg.experiments.examples import examples
from radkg.experiments.scoring import BY_CODES, FINDINGS, NORMAL, TRIPLETS, code_figures, floors
from radkg.experiments.table import Row
from radkg.model.config import PROJECTORS, ProjectorKind
from radkg.schema.records import Condition

TITLE = "Projector kinds"
SHOWN = (TRIPLETS, FINDINGS, BY_CODES, NORMAL)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(Config):
    """Which kinds are compared, and how large."""

    kinds: tuple[ProjectorKind, ...] = PROJECTORS
    prefix_length: int = 4
    """n, and k of the mapper; linear-1 has one token"""
    layers: int = 1
    """of the mapper"""


def caption(laboratory: Laboratory, settings: Settings) -> str:
    """Return what was trained and what is compared."""
    return (
        f"Target codes, one sentence a prompt; prefix of {settings.prefix_length} tokens "
        f"(linear-1: one), mapper with {settings.layers} layer(s) and as many clip tokens. One "
        "variant a kind, whose steps take turns between image alone and image+report; floors look "
        "at nothing. "
        f"{laboratory.start}"
    )


def rows(laboratory: Laboratory, settings: Settings) -> Iterator[Row]:
    """Yield the floors and each kind under two conditions."""
    laboratory.need_images("projector")
    training, scored = laboratory.training, laboratory.scored
    yard = laboratory.yard(scored)
    for name, answers in floors(training, scored, laboratory.filing).items():
        yield Row("floor", name, code_figures(yard, answers), {})
    conditions: tuple[Condition, ...] = ("image", "image+report")
    taught = [examples(training, c, laboratory.aligned, training.images) for c in conditions]
    for kind in settings.kinds:
        length = 1 if kind == "linear-1" else settings.prefix_length
        sizes: dict[str, Any] = {
            "kind": kind,
            "prefix_length": length,
            "clip_length": length,
            "layers": settings.layers,
        }
        model = laboratory.model(laboratory.projector(**sizes))
        weights = num_parameters(model)["projector"]
        variant = laboratory.train(model, *taught)
        for condition in conditions:
            figures, seconds = laboratory.score(variant.model, condition, scored.images)
            notes = {
                **variant.notes,
                "projector weights": weights,
                "seconds of reading": seconds,
            }
            yield Row(condition, f"{kind}, {weights / 1e6:.2f} M", figures, notes)
