"""cluster.yaml is one that `ray up` accepts, and a typo in it is one that it refuses."""

from pathlib import Path

import pytest
import yaml
from jsonschema import ValidationError
from ray.autoscaler._private.util import prepare_config, validate_config

CONFIG = yaml.safe_load((Path(__file__).parents[2] / "cluster.yaml").read_text())


def test_ray_accepts_it():
    validate_config(prepare_config(dict(CONFIG)))


def test_ray_would_refuse_a_typo():
    with pytest.raises(ValidationError):
        validate_config(prepare_config(dict(CONFIG) | {"setup_comands": []}))
