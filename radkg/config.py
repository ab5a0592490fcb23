"""Settings as frozen dataclasses: read from a mapping, written as config.json beside a run."""

from __future__ import annotations

import dataclasses
import difflib
import json
from collections.abc import Mapping
from typing import Any, Self

from radkg.errors import ConfigError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """Base of all settings; subclasses are frozen, keyword-only dataclasses."""

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Build from a mapping.

        Raises:
            ConfigError: a key is unknown; the message names the nearest one that exists.
        """
        names = [field.name for field in dataclasses.fields(cls)]
        for key in values:
            if key not in names:
                near = difflib.get_close_matches(key, names, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names)}"
                raise ConfigError(f"unknown setting {key!r} of {cls.__name__}: {hint}")
        return cls(**values)

    def to_json(self) -> str:
        """Return the settings as JSON text, keys in the order of the class."""
        return json.dumps(dataclasses.asdict(self), indent=1) + "\n"
