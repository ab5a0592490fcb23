"""A tar or a tar.gz: whether a file is one, its members, and whether its end is there.

Python's tarfile believes any size that a header declares; here an impossible size is damage.
"""

from __future__ import annotations

import contextlib
import gzip
import tarfile
import zlib
from collections.abc import Iterator
from typing import IO, Self

from radkg.archive.files.places import Place
from radkg.archive.files.streams import open_binary
from radkg.archive.files.zipped import check_size

# ValueError, OverflowError, RecursionError: tarfile's own on numbers, and on headers without end
TAR_DAMAGE = (
    *(tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile),
    *(ValueError, OverflowError, RecursionError, IndexError, KeyError),
)
HEADERS = 1 << 16  # bytes that are read at once to read headers alone
_LONGEST = 1 << 14  # bytes of a header's text; a name has 4,096 at most
_LARGEST = 1 << 50  # bytes of a member
_TEXTS = (
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
)


class _Header(tarfile.TarInfo):
    """A header with a possible size: a negative one would lead back, a huge one fill the memory."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        header = super().frombuf(buf, encoding, errors)
        most = _LONGEST if header.type in _TEXTS else _LARGEST
        if not 0 <= header.size <= most:
            raise tarfile.ReadError(f"a header of a size that cannot be, {header.size} bytes")
        return header


@contextlib.contextmanager
def open_tar(stream: IO[bytes]) -> Iterator[tarfile.TarFile]:
    """Open the tar that a stream holds; damage is one of TAR_DAMAGE."""
    with tarfile.open(fileobj=stream, mode="r:", tarinfo=_Header) as tar:
        yield tar


def list_tar_members(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Yield the headers of the members; tarfile would keep them all in memory."""
    while member := tar.next():
        # an extended header may declare any size
        if member.size < 0 or not member.offset < member.offset_data <= tar.offset:
            raise tarfile.ReadError(f"a member of a size that cannot be, {member.size} bytes")
        tar.members.clear()  # type: ignore[attr-defined] # or every header would stay
        yield member


def check_tar_member(member: tarfile.TarInfo, max_bytes: int) -> str | None:
    """Return why a member is not read, judged by its header; None where it is read."""
    if not member.isreg() or member.issparse():
        return "a link, or no plain file: archive it again with its contents"
    return check_size(member.size, max_bytes)


def is_tar(path: Place) -> bool:
    """Tell whether the file is a tar or a tar.gz."""
    try:
        with open_binary(path) as stream, open_tar(stream):
            return True
    except TAR_DAMAGE:
        return False


def list_tar_names(path: Place) -> Iterator[str]:
    """Yield the names in a tar or a tar.gz, up to any damage, which list_studies reports."""
    with (
        contextlib.suppress(*TAR_DAMAGE),
        open_binary(path, HEADERS) as stream,
        open_tar(stream) as tar,
    ):
        yield from (member.name for member in list_tar_members(tar))


def check_end(tar: tarfile.TarFile, stream: IO[bytes]) -> None:
    """Raise EOFError where no end mark follows the last member: tarfile takes damage for an end."""
    stream.seek(tar.offset)
    if stream.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise EOFError("no end mark behind the last member")
