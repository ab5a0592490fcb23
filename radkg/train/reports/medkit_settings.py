"""The settings of MedKit's two stages: labels, knowledge, and the weight of each term."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Self

from radkg.config import Config
from radkg.errors import ConfigError
from radkg.model.report.distill import DistillConfig


@dataclasses.dataclass(frozen=True, kw_only=True)
class MedKitSettings(Config):
    """What `--set` changes; a weight of 0 leaves its term out."""

    labels: tuple[str, ...] = ()
    """findings that the head learns; (): those that coders filed for at least 20 studies"""
    knowledge: bool = True
    """whether what a knowledge graph knows of the labels stands behind the image"""
    label_weight: float = 1.0
    teacher_weight: float = 1.0
    temperature: float = 2.0
    feature_weight: float = 0.0
    feature_levels: tuple[int, ...] = ()
    """blocks of the tower (0 to 15) behind which student and teacher are compared"""
    threshold: float = 0.3
    """confidence from which a label stands in the prompt while the student learns"""
    vocab_size: int = 2000
    """of the tokenizer that is trained on the reports"""
    side: int = 160
    """px of the images"""

    def __post_init__(self) -> None:
        self.make_distill()
        if not 0 <= self.threshold <= 1:
            raise ConfigError(f"threshold {self.threshold!r} is no share in [0, 1]")
        if not isinstance(self.knowledge, bool):
            raise ConfigError(f"knowledge {self.knowledge!r} is neither true nor false")
        if self.vocab_size < 300 or self.side < 32:
            raise ConfigError(
                f"vocab_size {self.vocab_size}, side {self.side}: give at least 300 and 32"
            )

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Build from a mapping, as JSON has it."""
        return super().from_mapping(
            {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}
        )

    def make_distill(self) -> DistillConfig:
        """Return the weights of the student's terms."""
        return DistillConfig(
            label_weight=self.label_weight,
            teacher_weight=self.teacher_weight,
            temperature=self.temperature,
            feature_weight=self.feature_weight,
            feature_levels=self.feature_levels,
        )
