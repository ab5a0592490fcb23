"""The sizes of a model: as a mapping, as JSON, and what cannot be."""

import dataclasses
import json

import pytest

from radkg.errors import ConfigError
from radkg.model.config import (
    LanguageConfig,
    ModelConfig,
    ProjectorConfig,
    VisionConfig,
    make_published_config,
    make_small_config,
)


@pytest.mark.parametrize(
    "config",
    [make_small_config(names=("effusion", "lung")), make_published_config(), ModelConfig()],
)
def test_settings_come_back_from_json(config):
    assert ModelConfig.from_mapping(json.loads(config.to_json())) == config
    assert ModelConfig.from_mapping(dataclasses.asdict(config)) == config


def test_the_published_sizes():
    config = make_published_config()
    assert (config.language.hidden, config.language.layers) == (1024, 24)
    assert config.projector is not None
    assert (config.projector.clip_length, config.projector.prefix_length) == (64, 64)
    assert (config.projector.dim_in, config.projector.dim_out) == (512, 1024)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"langage": {}}, "unknown setting 'langage' of ModelConfig: did you mean 'language'"),
        ({"language": {"hiden": 4}}, "'hiden' of LanguageConfig: did you mean 'hidden'"),
        ({"projector": {"prefixlength": 4}}, "did you mean 'prefix_length'"),
        ({"vision": {"encoderid": ""}}, "did you mean 'encoder_id'"),
        ({"vision": {"zzz": ""}}, "known: encoder, encoder_id"),
        ({"language": {"hidden": 100, "heads": 3}}, "each must be a multiple of the next"),
        ({"language": {"heads": 4, "kv_heads": 3}}, "each must be a multiple of the next"),
        ({"projector": {"kind": "perceiver"}}, "is none of mapper, linear-1, linear-n, mlp"),
        ({"projector": {"kind": "linear-1", "prefix_length": 2}}, "linear-1 makes one token"),
        ({"projector": {"dim_out": 1020}}, "no multiple of 8 heads"),
        ({"projector": {"dim_out": 512}}, "writes width 512, the language model reads 1024"),
    ],
)
def test_what_cannot_be_is_refused(values, message):
    with pytest.raises(ConfigError, match=message):
        ModelConfig.from_mapping(values)


def test_parts_may_be_settings_or_none():
    config = ModelConfig.from_mapping(
        {"language": LanguageConfig(), "projector": None, "vision": VisionConfig(), "names": ["a"]}
    )
    assert config.projector is None
    assert config.names == ("a",)
    assert ProjectorConfig(kind="linear-1", prefix_length=1).prefix_length == 1
