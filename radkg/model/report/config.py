"""Settings that all report models share."""

from __future__ import annotations

import dataclasses

from radkg.config import Config
from radkg.errors import ConfigError


@dataclasses.dataclass(frozen=True, kw_only=True)
class DecodingConfig(Config):
    """How a report is written; R2GenKG's settings for IU X-ray."""

    beams: int = 3
    """1: greedy"""
    min_new_tokens: int = 40
    max_new_tokens: int = 100
    repetition_penalty: float = 2.0
    length_penalty: float = 2.0

    def __post_init__(self) -> None:
        if min(self.beams, self.max_new_tokens) < 1 or self.min_new_tokens < 0:
            raise ConfigError(
                f"beams {self.beams}, max_new_tokens {self.max_new_tokens}, min_new_tokens "
                f"{self.min_new_tokens}: give 1, 1 and 0 or more"
            )


PUBLISHED_DECODING = DecodingConfig()
