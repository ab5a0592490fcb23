"""Services for tests: one with the rules, and one with the default models, started once each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from radkg.service.app import make_app
from radkg.service.settings import ServiceConfig

HOME = "http://127.0.0.1:8000"


@pytest.fixture(scope="package")
def rules() -> Iterator[TestClient]:
    """A service of the rules, without a token; small bounds, so that a test reaches them."""
    config = ServiceConfig(extractor="rules", queue=8, max_report=0.25, max_upload=1.0)
    with TestClient(make_app(config, None), HOME, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="package")
def models() -> Iterator[TestClient]:
    """A service of what `radkg serve --reporter plan` serves."""
    config = ServiceConfig(reporter="plan")
    with TestClient(make_app(config, None), HOME, raise_server_exceptions=False) as client:
        yield client
