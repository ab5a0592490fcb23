"""Where an archive is: a path on a local disk, or an object or prefix of S3.

`open_place` takes what the user named. `S3Path` has the part of pathlib's interface that the
formats use, so that they read from either. A pickled S3Path is its address alone. One listing
finds all that lies below a prefix.
"""

from __future__ import annotations

import errno
import fnmatch
import functools
import io
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any, NamedTuple

from radkg.errors import ArchiveError

SCHEME = "s3://"
NO_BYTES = errno.ENODATA  # an empty object has no range of bytes
READ_AHEAD = 4 << 20  # bytes of one GET: the members of a unit are neighbours in their file


class ObjectStatus(NamedTuple):
    """What S3 knows of an object; the fields are named as in os.stat_result."""

    st_mode: int
    st_size: int
    etag: str


@dataclass(frozen=True, order=True)
class S3Path:
    """An object or a prefix; `listed` is its status where it comes from a listing."""

    uri: str
    listed: ObjectStatus | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return self.uri

    def __reduce__(self) -> tuple[type[S3Path], tuple[str]]:
        return (S3Path, (self.uri,))  # a listed status may be out of date elsewhere

    def __truediv__(self, name: str | PurePosixPath) -> S3Path:
        return S3Path(f"{self.uri}/{name}")

    @property
    def name(self) -> str:
        """What follows the last slash."""
        return self.uri.rpartition("/")[2]

    @property
    def suffix(self) -> str:
        """The end of the name, from its last dot on."""
        return PurePosixPath(self.name).suffix

    @property
    def suffixes(self) -> list[str]:
        """Every end of the name that begins with a dot."""
        return PurePosixPath(self.name).suffixes

    @property
    def parent(self) -> S3Path:
        """The prefix that holds this path; the parent of a bucket is the bucket."""
        above = self.uri.rpartition("/")[0]
        return S3Path(above) if len(above) > len(SCHEME) else self

    def relative_to(self, other: Place) -> PurePosixPath:
        """Return the name of this path below another place."""
        return PurePosixPath(self.uri.removeprefix(f"{other}/"))

    def stat(self) -> ObjectStatus:
        """Return the status of the object or prefix; FileNotFoundError where nothing is there."""
        if self.listed:
            return self.listed
        from radkg.archive.files.s3 import (  # here, for s3fs is slow to import
            explain_s3_errors,
            get_client,
        )

        with explain_s3_errors(self.uri):
            return _status(get_client().info(self.uri))

    def exists(self) -> bool:
        """Tell whether an object or something below a prefix is there."""
        try:
            return bool(self.stat())
        except FileNotFoundError:
            return False

    def is_dir(self) -> bool:
        """Tell whether the path is a prefix with something below it."""
        return self.exists() and stat.S_ISDIR(self.stat().st_mode)

    def is_file(self) -> bool:
        """Tell whether the path is an object."""
        return self.exists() and stat.S_ISREG(self.stat().st_mode)

    def iterdir(self) -> Iterator[S3Path]:
        """Yield the objects and prefixes directly below."""
        from radkg.archive.files.s3 import explain_s3_errors, get_client

        if not stat.S_ISDIR(self.stat().st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), self.uri)
        with explain_s3_errors(self.uri):
            found = get_client().ls(self.uri, detail=True)
        yield from self._below(found)

    def find(self) -> list[S3Path]:
        """Return every object below with its size, from one listing, in the order of os.walk."""
        from radkg.archive.files.s3 import explain_s3_errors, get_client

        with explain_s3_errors(self.uri):
            found = get_client().find(self.uri, detail=True)
        return sorted(self._below(found.values()), key=self._walked)

    def _below(self, found: Any) -> Iterator[S3Path]:
        """Yield the listed paths, without the objects that stand for a folder."""
        for info in found:
            uri = SCHEME + info["name"]
            if uri.startswith(f"{self.uri}/") and not uri.endswith("/"):
                yield S3Path(uri, _status(info))

    def _walked(self, path: S3Path) -> list[tuple[bool, str]]:
        *folders, name = path.uri.removeprefix(f"{self.uri}/").split("/")
        return [*((True, folder) for folder in folders), (False, name)]  # files before folders

    def glob(self, pattern: str) -> Iterator[S3Path]:
        """Yield the paths below that match a pattern without `**`, and list no other prefix."""
        here, _, rest = pattern.partition("/")
        for path in self.iterdir():
            if fnmatch.fnmatchcase(path.name, here):
                if not rest:
                    yield path
                elif path.is_dir():
                    yield from path.glob(rest)

    def open(self, mode: str = "rb", buffering: int = READ_AHEAD) -> IO[bytes]:
        """Return a stream that can seek; one GET brings `buffering` bytes."""
        from radkg.archive.files.s3 import explain_s3_errors, get_client

        assert mode == "rb", mode
        with explain_s3_errors(self.uri):
            file = get_client().open(self.uri, "rb", cache_type="none")
        return io.BufferedReader(_ObjectStream(file, self.uri), buffering)

    def read_bytes(self, at_most: int | None = None) -> bytes:
        """Return the object, or the first bytes of it."""
        from radkg.archive.files.s3 import explain_s3_errors, get_client

        try:
            with explain_s3_errors(self.uri):
                return bytes(get_client().cat_file(self.uri, start=0, end=at_most))
        except OSError as error:
            if error.errno == NO_BYTES and at_most:
                return b""
            raise


class _ObjectStream(io.RawIOBase):
    """An s3fs file whose errors say what to do; whoever wraps it holds the buffer."""

    def __init__(self, file: Any, uri: str) -> None:
        self._file, self._uri = file, uri

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return int(self._file.seek(offset, whence))

    def readinto(self, buffer: Any) -> int:
        from radkg.archive.files.s3 import explain_s3_errors

        with explain_s3_errors(self._uri):
            return int(self._file.readinto(buffer))

    def close(self) -> None:
        self._file.close()
        super().close()


Place = Path | S3Path


def open_place(uri: str) -> Place:
    """Return the place that a user named: a local path, links resolved, or an s3:// address.

    Raises:
        ArchiveError: the address names no bucket.
    """
    if not uri.startswith(SCHEME):
        return Path(os.path.realpath(uri))  # unlike resolve(), no error where a link is its own
    path = SCHEME + uri.removeprefix(SCHEME).rstrip("/")
    if path == SCHEME or path.startswith(SCHEME + "/"):
        raise ArchiveError(f"no bucket in {uri!r}: give s3://bucket/key")
    return S3Path(path)


def parse_place(written: str) -> Place:
    """Return the place of which `written` is the str()."""
    return S3Path(written) if written.startswith(SCHEME) else Path(written)


def list_children(path: Place) -> list[Place]:
    """Return the places directly below a place, by name."""
    return sorted(path.iterdir(), key=lambda child: child.name)


def get_version(path: Place) -> tuple[object, ...]:
    """Return a version that differs once a file changes; of an object it is cached."""
    if isinstance(path, S3Path):
        return _known_version(path.uri)
    status = path.stat()
    return status.st_mtime_ns, status.st_size


def forget_versions(path: Place) -> bool:
    """Forget the cached versions; return whether `path` is an object, which had one."""
    _known_version.cache_clear()
    return isinstance(path, S3Path)


@functools.lru_cache(maxsize=64)
def _known_version(uri: str) -> tuple[object, ...]:
    return tuple(S3Path(uri).stat())


def _status(info: Any) -> ObjectStatus:
    kind = stat.S_IFDIR if info["type"] == "directory" else stat.S_IFREG
    return ObjectStatus(kind, info["size"] or 0, str(info.get("ETag", "")).strip('"'))
