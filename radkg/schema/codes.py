"""The codes that, by a model, the human coders would file for one study: names and triplets.

A closed vocabulary without offsets, labels or absent findings; a normal study has none at all.
"""

from __future__ import annotations

from dataclasses import dataclass

CodedTriplet = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Codes:
    """Coded observations and triplets of one study, each with a confidence in [0, 1]."""

    findings: tuple[tuple[str, float], ...]
    triplets: tuple[tuple[CodedTriplet, float], ...]
