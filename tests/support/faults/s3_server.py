"""A real S3 server on loopback, in a process of its own; one for the whole test run."""

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def s3_bucket() -> Iterator[str]:
    """An address of an empty bucket; the environment names the server and a login meanwhile."""
    with served_bucket() as bucket:
        yield bucket


@contextlib.contextmanager
def served_bucket() -> Iterator[str]:
    """Run a server; give the address of an empty bucket that the environment leads to."""
    import s3fs

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host, port = free.getsockname()
    program = str(Path(sys.executable).parent / "moto_server")
    with (
        subprocess.Popen(
            [program, "-H", host, "-p", str(port)], stderr=subprocess.DEVNULL
        ) as server,
        pytest.MonkeyPatch.context() as patch,
    ):
        try:
            _wait_for(host, port, server)
            patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
            patch.setenv("AWS_ACCESS_KEY_ID", "test")
            patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
            patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
            s3fs.S3FileSystem(use_listings_cache=False).mkdir("bucket")
            yield "s3://bucket"
        finally:
            server.terminate()


def _wait_for(host: str, port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while True:
        with contextlib.suppress(OSError):
            socket.create_connection((host, port)).close()
            return
        assert server.poll() is None, "the S3 server ended"
        assert time.monotonic() < deadline, "the S3 server does not answer"
        time.sleep(0.1)


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
