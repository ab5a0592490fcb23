"""S3 for archives: no listing is kept, and every error says what to do.

Credentials and endpoint come from the environment. A missing object stays a FileNotFoundError; an
S3 that does not answer, or refuses, is ArchiveUnavailable: no study is to blame.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
from collections.abc import Iterator
from typing import Any

from s3fs.utils import FileExpired

from radkg.errors import ArchiveUnavailable
from radkg.storage import S3Failure, get_s3_code, open_s3, translate_s3_errors

_NO_BYTES = "InvalidRange"  # S3's word for a range of an empty object
_OF_THE_OBJECT = (_NO_BYTES, "PreconditionFailed")  # codes about the object, not about S3
_SETTINGS = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


def get_client() -> Any:
    """Return this process's connection to the S3 that the environment names."""
    return _client(os.getpid(), *(os.environ.get(name) for name in _SETTINGS))


@functools.lru_cache(maxsize=1)
def _client(*key: object) -> Any:
    return open_s3()


@contextlib.contextmanager
def explain_s3_errors(uri: str) -> Iterator[None]:
    """Turn any error of S3 over `uri` into an OSError with this name, or an ArchiveError.

    Raises:
        OSError: nothing is there, the object has no such bytes, or it changed under a stream.
        ArchiveUnavailable: S3 does not answer, or refuses.
    """

    def make_error(failure: S3Failure) -> Exception:
        if failure.kind == "missing":
            return FileNotFoundError(errno.ENOENT, "no such object, prefix or bucket", uri)
        if failure.kind == "refused":
            return ArchiveUnavailable(f"{uri} is refused: {failure.reason}: {failure.hint}")
        if isinstance(failure.error, OSError):
            code = get_s3_code(failure.error)
            if code in _OF_THE_OBJECT or isinstance(failure.error, FileExpired):
                number = errno.ENODATA if code == _NO_BYTES else errno.EBUSY
                return OSError(number, failure.reason, uri)
        return ArchiveUnavailable(f"cannot read {uri}: {failure.reason}: {failure.hint}")

    with translate_s3_errors(make_error):
        yield
