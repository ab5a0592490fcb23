"""From a reader's own confidences to shares of right answers (Platt scaling).

Source: J. Platt, Probabilistic outputs for support vector machines, 1999: the logit of a confidence
is stretched and moved. The two numbers are fitted on sentences that the training has not seen.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from radkg.config import Config
from radkg.schema.linearize import Reading

_LEAST = 1e-6  # distance of a confidence from 0 and 1, where the logit is infinite


@dataclasses.dataclass(frozen=True, kw_only=True)
class Calibration(Config):
    """Slope and shift of the logits; the defaults change nothing."""

    entity_slope: float = 1.0
    entity_shift: float = 0.0
    relation_slope: float = 1.0
    relation_shift: float = 0.0

    def calibrate(self, readings: Sequence[Reading]) -> list[Reading]:
        """Return the readings with calibrated confidences, all else as it is."""
        if self == UNCALIBRATED:
            return list(readings)
        spans = _scale(
            [c for r in readings for c in r.span_confidences], self.entity_slope, self.entity_shift
        )
        links = _scale(
            [c for r in readings for c in r.link_confidences],
            self.relation_slope,
            self.relation_shift,
        )
        found, s, k = [], 0, 0
        for r in readings:
            found.append(
                Reading(
                    r.spans,
                    r.links,
                    tuple(spans[s : s + len(r.spans)]),
                    tuple(links[k : k + len(r.links)]),
                )
            )
            s, k = s + len(r.spans), k + len(r.links)
        return found


UNCALIBRATED = Calibration()


def compute_logits(confidences: Sequence[float]) -> np.ndarray:
    """Return log(c / (1 - c)) of each confidence, finite at 0 and 1."""
    inside = np.clip(np.asarray(confidences, dtype=np.float64), _LEAST, 1 - _LEAST)
    logits: np.ndarray = np.log(inside / (1 - inside))
    return logits


def _scale(confidences: Sequence[float], slope: float, shift: float) -> list[float]:
    scaled: list[float] = (1 / (1 + np.exp(-slope * compute_logits(confidences) - shift))).tolist()
    return scaled
