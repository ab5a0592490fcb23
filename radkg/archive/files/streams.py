"""Open streams of container files: uncompressed where they are a gzip, kept open in a process.

A stream belongs to one version of its file, so nobody reads from a file that was replaced.
"""

from __future__ import annotations

import errno
import functools
from typing import IO

from radkg.archive.files.gunzip import open_gzip
from radkg.archive.files.places import Place, forget_versions, get_version
from radkg.archive.files.zipped import is_zip, read_zip_member


def open_binary(path: Place, buffering: int | None = None) -> IO[bytes]:
    """Return a file as a stream of bytes, uncompressed where it is a gzip.

    Args:
        path: the file.
        buffering: bytes that are read at once; None: what is usual for its place.
    """
    file = path.open("rb") if buffering is None else path.open("rb", buffering=buffering)
    is_gzip = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    return open_gzip(file) if is_gzip else file


def read_at(path: Place, offset: int, length: int, lane: int = 0) -> bytes:
    """Return a member of a container by its place in it.

    Each `lane` has a stream of its own: who reads a gzip at two places by turns takes two lanes, so
    that neither stream ever goes back to the beginning.

    In a zip `offset` is that of the member's local header, and `length` + 1 bytes come where the
    member is longer than it should be. In a tar or any other file `offset` is that of the data.

    Raises:
        OSError, EOFError, ValueError, zlib.error: nothing is there, or it is damaged.
    """
    try:
        return _read_at(path, offset, length, lane)
    except OSError as error:
        # The object was replaced after its stream was opened: the new one is read.
        if error.errno == errno.EBUSY and forget_versions(path):
            return _read_at(path, offset, length, lane)
        raise


def _read_at(path: Place, offset: int, length: int, lane: int) -> bytes:
    stream, is_zip_file = _stream(path, get_version(path), lane)
    if is_zip_file:
        return read_zip_member(stream, offset, length)
    stream.seek(offset)
    return stream.read(length)


@functools.lru_cache(maxsize=4)
def _stream(path: Place, version: tuple[object, ...], lane: int) -> tuple[IO[bytes], bool]:
    """Return an open stream that stays open in this process, and whether it is a zip.

    Units come in the order of the archive, so a worker only ever moves forward through a tar.gz:
    each worker decompresses it once, and never holds all of it. Four streams stay open, for reports
    and images stand in different files.
    """
    return open_binary(path), is_zip(path)
