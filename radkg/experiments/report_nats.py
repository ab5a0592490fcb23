"""How unlikely a model finds the true reports.

A written text changes where another word becomes the likeliest. The nats of the true text change
with every step, so they show what a model has learnt before its texts do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from radkg.experiments.report_scores import estimate_over_seeds
from radkg.experiments.table import Figure
from radkg.model.report.r2genkg import R2GenKG
from radkg.train.reports.examples import ReportExample, ReportTask

NATS, NATS_GAIN = "nats a token", "nats below full"

Nats = tuple[tuple[int, int], ...]
"""of each study: thousandths of a nat, tokens"""


@torch.inference_mode()
def measure_nats(
    model: R2GenKG, examples: Sequence[ReportExample], seen: Mapping[str, Tensor]
) -> Nats:
    """Return how unlikely a model in evaluation mode finds the text of each study."""
    task = ReportTask(model, examples, seen)
    found = []
    for i, tokens in enumerate(task.lengths):
        loss = float(model(task.collate([i], 0)))  # the mean over the tokens
        found.append((round(1000 * loss * tokens), tokens))
    return tuple(found)


def estimate_nats(nats: Sequence[Nats], full: Sequence[Nats] | None) -> dict[str, Figure | None]:
    """Return the figures of an arm, seed by seed; `full` is what it is compared with."""
    figures = {NATS: estimate_over_seeds(nats, _average), NATS_GAIN: None}
    if full is not None:
        pairs = [
            [(*a, *b) for a, b in zip(own, other, strict=True)]
            for own, other in zip(nats, full, strict=True)
        ]
        figures[NATS_GAIN] = estimate_over_seeds(
            pairs, lambda sums: _average(sums[2:]) - _average(sums[:2])
        )
    return figures


def _average(sums: Sequence[int]) -> float:
    return sums[0] / 1000 / max(1, sums[1])
