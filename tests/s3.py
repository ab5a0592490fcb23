"""A real S3 server on loopback, one for the whole test run."""

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def s3_bucket() -> Iterator[str]:
    """An address of an empty bucket; the environment names the server and a login meanwhile."""
    import s3fs
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        s3fs.S3FileSystem(use_listings_cache=False).mkdir("bucket")
        yield "s3://bucket"
    server.stop()


def upload(path: Path, uri: str) -> str:
    """Put a file, or every file below a directory, at an address, and return the address."""
    import s3fs

    files = s3fs.S3FileSystem(use_listings_cache=False, skip_instance_cache=True)
    below = [p for p in path.rglob("*") if p.is_file()] if path.is_dir() else [path]
    objects = {
        uri if p == path else f"{uri}/{p.relative_to(path).as_posix()}": p.read_bytes()
        for p in below
    }
    files.pipe(objects)
    return uri
