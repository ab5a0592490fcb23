"""What a tar or a tar.gz is: whether a file is one, the names in it, and whether it is whole."""

from __future__ import annotations

import contextlib
import gzip
import tarfile
import zlib
from collections.abc import Iterator
from typing import IO

from radkg.archive.places import Place
from radkg.archive.streams import open_binary

TAR_DAMAGE = (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile)
HEADERS = 1 << 16  # bytes that are read at once where only headers are wanted


def is_tar(path: Place) -> bool:
    """Tell whether the file is a tar or a tar.gz."""
    try:
        with open_binary(path) as stream, tarfile.open(fileobj=stream, mode="r:"):
            return True
    except TAR_DAMAGE:
        return False


def tar_names(path: Place) -> Iterator[str]:
    """Yield the names in a tar or a tar.gz, up to where it is damaged: index() says where."""
    with (
        contextlib.suppress(*TAR_DAMAGE),
        open_binary(path, HEADERS) as stream,
        tarfile.open(fileobj=stream, mode="r:") as tar,
    ):
        yield from (member.name for member in tar)


def check_end(tar: tarfile.TarFile, stream: IO[bytes]) -> None:
    """Raise EOFError where no end mark follows the last member: tarfile takes damage for an end."""
    stream.seek(tar.offset)
    if stream.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise EOFError("no end mark behind the last member")
