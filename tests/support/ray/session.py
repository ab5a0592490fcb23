"""One Ray for the whole test run."""

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session")
def ray_session(s3_bucket: str) -> Iterator[None]:
    """A local Ray that runs already, so that a run joins it; its workers know the S3 server."""
    import ray

    ray.init(
        address="local",
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        object_store_memory=256 << 20,
    )
    yield
    ray.shutdown()
