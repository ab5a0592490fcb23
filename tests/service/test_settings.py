"""What is given to the service reaches its models."""

import pytest

from radkg.errors import ConfigError
from radkg.extractor import load_extractor
from radkg.model.generate.spec import EngineSpec
from radkg.run.making import load_maker
from radkg.service.settings import ServiceConfig


def test_the_engine_reaches_the_extractor():
    config = ServiceConfig(condition="report", engine="transformers", batch_tokens=4096)
    spec = config.extractor_spec
    assert spec.engine == EngineSpec("transformers", 4096)
    other = load_extractor("small", "report").model_id
    served = load_maker(spec).model.model_id
    assert served == load_extractor("small", "report", engine=spec.engine).model_id != other


def test_an_engine_that_is_none_is_refused():
    with pytest.raises(ConfigError, match=r"--engine is one of auto, .*, not 'gpt'"):
        ServiceConfig(engine="gpt")
    with pytest.raises(ConfigError, match="--batch-tokens must be at least 1, not 0"):
        ServiceConfig(batch_tokens=0)
