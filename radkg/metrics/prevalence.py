"""Prevalence corrected for the measured error of what reads the studies.

The estimate is Rogan and Gladen's (Am J Epidemiol 1978), the interval Lang and Reiczigel's (Prev
Vet Med 2014), which holds the uncertainty of sensitivity and specificity beside that of the sample.
Both take the error to be the same in the population that is asked about as in the studies it was
measured on; nothing here can check that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

Z = 1.959963984540054  # of a two-sided interval of 95 %


@dataclass(frozen=True, slots=True)
class ErrorCounts:
    """Studies by what the gold says of a finding, and what the reader said."""

    true_positives: int
    false_negatives: int
    true_negatives: int
    false_positives: int

    @property
    def with_finding(self) -> int:
        """Return the number of studies that have the finding by the gold."""
        return self.true_positives + self.false_negatives

    @property
    def without_finding(self) -> int:
        """Return the number of studies that do not."""
        return self.true_negatives + self.false_positives


class CorrectedPrevalence(NamedTuple):
    """A prevalence in [0, 1] with the ends of its 95 % interval."""

    rate: float
    low: float
    high: float


def correct_prevalence(studies: int, of: int, error: ErrorCounts) -> CorrectedPrevalence | None:
    """Return the prevalence behind `studies` of `of` that were read as having the finding.

    None where nothing can be said: no study, a sensitivity or specificity measured on none, a
    reader that is no better than chance (sensitivity + specificity of 1 or less), or an interval
    wholly outside [0, 1]: fewer are read as present than by error alone, so the error is another.
    """
    if not (of and error.with_finding and error.without_finding):
        return None
    sensitivity = error.true_positives / error.with_finding
    specificity = error.true_negatives / error.without_finding
    # Shrunk towards one half, as Agresti and Coull do, so that 20 of 20 is not certainty.
    n = of + Z**2
    apparent = (studies + Z**2 / 2) / n
    n_sensitivity, n_specificity = error.with_finding + 2, error.without_finding + 2
    shrunk_sensitivity = (error.true_positives + 1) / n_sensitivity
    shrunk_specificity = (error.true_negatives + 1) / n_specificity
    youden = shrunk_sensitivity + shrunk_specificity - 1
    if youden <= 0 or sensitivity + specificity <= 1:
        return None
    middle = (apparent + shrunk_specificity - 1) / youden
    of_sensitivity = shrunk_sensitivity * (1 - shrunk_sensitivity) / n_sensitivity
    of_specificity = shrunk_specificity * (1 - shrunk_specificity) / n_specificity
    shift = 2 * Z**2 * (middle * of_sensitivity - (1 - middle) * of_specificity)
    variance = (
        apparent * (1 - apparent) / n
        + middle**2 * of_sensitivity
        + (1 - middle) ** 2 * of_specificity
    )
    half = Z * variance**0.5 / youden
    low, high = middle + shift - half, middle + shift + half
    if high <= 0 or low >= 1:
        return None
    rate = (studies / of + specificity - 1) / (sensitivity + specificity - 1)
    return CorrectedPrevalence(_share(rate), _share(low), _share(high))


def _share(value: float) -> float:
    return min(1.0, max(0.0, value))
