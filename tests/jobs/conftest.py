"""One Ray head for the jobs of the tests; its workers hold the canaries' secrets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.canaries import CANARIES
from tests.support.ray.head import Head, run_head


@pytest.fixture(scope="package")
def head(s3_bucket: str) -> Iterator[Head]:
    """A Ray head with a token; its workers know the S3 server, and a graph's password."""
    with run_head(**CANARIES) as head:
        yield head
