import json
from dataclasses import dataclass

import pytest

from radkg.config import Config
from radkg.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Settings(Config):
    archive: str
    unit_size: int = 256


def test_settings_round_trip_as_json():
    settings = Settings(archive="openi", unit_size=3)
    assert Settings.from_mapping(json.loads(settings.to_json())) == settings


def test_an_unknown_key_names_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'unit_size'"):
        Settings.from_mapping({"archive": "openi", "unit_sise": 3})
    with pytest.raises(ConfigError, match="known: archive, unit_size"):
        Settings.from_mapping({"zzz": 3})
