"""S3 as archives are read from it: nothing kept of listings, and errors that say what to do.

Credentials and endpoint come from the environment. What is not there stays a FileNotFoundError; an
S3 that does not answer or refuses is an ArchiveError, whoever asked.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
from collections.abc import Iterator
from typing import Any

import s3fs
from aiohttp import ClientError
from botocore.exceptions import BotoCoreError

from radkg.errors import ArchiveError

CHECK = "check AWS_ENDPOINT_URL and the credentials in the environment"
_SETTINGS = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


def client() -> Any:
    """Return this process's connection to the S3 that the environment names."""
    return _client(os.getpid(), *(os.environ.get(name) for name in _SETTINGS))


@functools.lru_cache(maxsize=1)
def _client(*key: object) -> s3fs.S3FileSystem:
    return s3fs.S3FileSystem(use_listings_cache=False, skip_instance_cache=True)


@contextlib.contextmanager
def asking(uri: str) -> Iterator[None]:
    """Turn what s3fs raises over `uri` into an OSError with its name, or an ArchiveError.

    Raises:
        OSError: nothing is there, or the object changed under a stream.
        ArchiveError: S3 does not answer, or refuses.
    """
    try:
        yield
    except FileNotFoundError as error:
        reason = "no such object, prefix or bucket"
        raise FileNotFoundError(errno.ENOENT, reason, uri) from error
    except PermissionError as error:
        raise ArchiveError(
            f"{uri} is refused: {error.strerror or error}: check the credentials in the "
            "environment, and their rights to read and list it"
        ) from error
    except (BotoCoreError, ClientError) as error:
        raise ArchiveError(f"cannot read {uri}: {error}: {CHECK}") from error
    except OSError as error:
        raise OSError(error.errno or errno.EIO, error.strerror or str(error), uri) from error
