"""S3 as archives are read from it: nothing kept of listings, and errors that say what to do.

Credentials and endpoint come from the environment. What is not there stays a FileNotFoundError; an
S3 that does not answer or refuses is ArchiveUnavailable, whoever asked.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
from collections.abc import Iterator
from typing import Any

from aiohttp import ClientError
from botocore.exceptions import BotoCoreError
from s3fs.utils import FileExpired

from radkg.errors import ArchiveUnavailable
from radkg.storage import open_s3, s3_code

CHECK = "check AWS_ENDPOINT_URL and the credentials in the environment"
_NO_BYTES = "InvalidRange"  # S3's word for a range of an empty object
_OF_THE_OBJECT = (_NO_BYTES, "PreconditionFailed")  # codes that say what it is, not how S3 is
_SETTINGS = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


def client() -> Any:
    """Return this process's connection to the S3 that the environment names."""
    return _client(os.getpid(), *(os.environ.get(name) for name in _SETTINGS))


@functools.lru_cache(maxsize=1)
def _client(*key: object) -> Any:
    return open_s3()


@contextlib.contextmanager
def asking(uri: str) -> Iterator[None]:
    """Turn what s3fs raises over `uri` into an OSError with its name, or an ArchiveError.

    Raises:
        OSError: nothing is there, it has no such bytes, or it changed under a stream.
        ArchiveUnavailable: S3 does not answer, or refuses.
    """
    try:
        yield
    except FileNotFoundError as error:
        reason = "no such object, prefix or bucket"
        raise FileNotFoundError(errno.ENOENT, reason, uri) from error
    except PermissionError as error:
        raise ArchiveUnavailable(
            f"{uri} is refused: {error.strerror or error}: check the credentials in the "
            "environment, and their rights to read and list it"
        ) from error
    except (BotoCoreError, ClientError) as error:
        raise ArchiveUnavailable(f"cannot read {uri}: {error}: {CHECK}") from error
    except OSError as error:
        code = s3_code(error)
        if code not in _OF_THE_OBJECT and not isinstance(error, FileExpired):
            reason = error.strerror or str(error)
            raise ArchiveUnavailable(
                f"cannot read {uri}: {reason}: run the same command when the store answers again"
            ) from error
        number = errno.ENODATA if code == _NO_BYTES else errno.EBUSY
        raise OSError(number, error.strerror or str(error), uri) from error
