"""Files that are derived from what is published, and can be derived again.

Such a file stands as FOLDER/KEY-DIGEST.SUFFIX: KEY says what the file is of, DIGEST is the hash of
its own bytes. A file whose bytes are not those of its name is not used. Two processes that derive
one file write the same bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
from collections.abc import Callable
from pathlib import PurePosixPath

from radkg.errors import StorageError
from radkg.storage import Storage

logger = logging.getLogger(__name__)


def list_kept(storage: Storage, folder: str) -> dict[str, str]:
    """Return the names of the files of a folder by their keys."""
    return {_split_name(name)[0]: name for name in storage.list_names(folder)}


def read_kept(
    storage: Storage, name: str | None, is_readable: Callable[[bytes], bool]
) -> bytes | None:
    """Return the bytes of a file; None where they must be derived anew.

    Args:
        storage: of the run.
        name: as `list_kept` gives it; None: there is no such file.
        is_readable: tells whether bytes are of the version that this radkg derives.
    """
    if name is None:
        return None
    data = storage.read(name)
    if hashlib.sha256(data).hexdigest() == _split_name(name)[1] and is_readable(data):
        return data
    logger.warning("%s/%s cannot be used: it is derived again", storage.uri, name)
    with contextlib.suppress(StorageError):  # where nothing can be removed, nothing is written
        storage.delete(name)
    return None


def keep(storage: Storage, folder: str, key: str, suffix: str, data: bytes) -> None:
    """Write a file.

    Raises:
        StorageError: the run cannot be written to.
    """
    name = f"{folder}/{key}-{hashlib.sha256(data).hexdigest()}.{suffix}"
    if not storage.create(name, data):
        storage.write(name, data)


def remove_kept(storage: Storage, folder: str, is_needed: Callable[[str], bool]) -> int:
    """Remove the files whose key is not needed; return how many went."""
    names = storage.list_names(folder)
    gone = [name for name in names if not is_needed(_split_name(name)[0])]
    for name in gone:
        storage.delete(name)
    return len(gone)


def _split_name(name: str) -> tuple[str, str]:
    """Return the key, and the hash of the file's own bytes."""
    key, _, digest = PurePosixPath(name).stem.rpartition("-")
    return key, digest
