"""Settings that all experiments share: data, the model to start from, the budget of a variant."""

from __future__ import annotations

import dataclasses

from radkg.config import Config
from radkg.errors import ConfigError
from radkg.experiments.study_sets import SPLITS


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExperimentConfig(Config):
    """Settings that all experiments share."""

    out: str
    """directory for table, plot, and features of the images"""
    archive: str = "openi"
    images: str | None = None
    """directory with the archive's images"""
    model: str = "small"
    """directory whose language model variants start from, or the name of a shipped one"""
    vision: str | None = None
    """image encoder, as vision.encoders.load_encoder takes it; None: the encoder of the model, or
    the one with ImageNet's weights where the model has none"""
    split: str = "dev"
    """dev: the held-out tenth of train, to choose on; test: for the figures that are reported"""
    steps: int = 200
    """optimizer steps of a variant"""
    minutes: float | None = None
    """in place of `steps`: each variant gets the steps that the first one takes in these minutes"""
    batch_tokens: int = 2048
    seed: int = 0
    limit: int | None = None
    """number of studies to train on, and to score on; None: all"""
    other: str | None = None
    """RadGraph JSON file or directory of another institution"""

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise ConfigError(f"split {self.split!r} is none of {', '.join(SPLITS)}")
        if "://" in self.out or not self.out:
            raise ConfigError(f"--out of an experiment is a directory, not {self.out!r}")
        for name in ("steps", "limit", "batch_tokens", "minutes"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ConfigError(f"{name} is {value}: give more than 0")
