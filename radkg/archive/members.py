"""The files of an archive, in a tar, tar.gz, zip or directory: list all, read one by its place.

Nothing is unpacked to disk and nothing is dropped: what cannot be read is listed with its problem.
"""

from __future__ import annotations

import functools
import gzip
import os
import stat
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any

from radkg.archive.zipped import is_zip, read_zip_member, zip_members
from radkg.errors import ArchiveError

MAX_MEMBER_BYTES = 16 << 20  # of one report; Open-i's largest has 13 kB


def is_tar(path: Path) -> bool:
    """Tell whether the file is a tar or a tar.gz."""
    try:
        with open_binary(str(path)) as stream, tarfile.open(fileobj=stream, mode="r:"):
            return True
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile):
        return False


@dataclass(frozen=True)
class Member:
    """One file of the archive; `data` is empty where `problem` says why it cannot be read."""

    source: str
    name: str
    offset: int
    length: int
    data: bytes = b""
    problem: str | None = None


def members(path: Path, suffix: str, *, below: bool = True) -> Iterator[Member]:
    """Yield every file of the archive whose name ends with `suffix`, in any case.

    Of a directory those in the directories below it too, unless `below` is False.

    Raises:
        ArchiveError: the archive is damaged, or a directory cannot be listed.
    """
    try:
        if path.is_dir():
            yield from _file_members(path, suffix, below)
        elif is_zip(path):
            for name, offset, data, problem in zip_members(path, suffix, MAX_MEMBER_BYTES):
                yield Member(str(path), _printable(name), offset, len(data), data, problem)
        else:
            yield from _tar_members(path, suffix)
    except OSError as error:
        where = f"{error.filename or path}"
        raise ArchiveError(f"cannot read {where}: {error.strerror or error}") from error


def _file_members(path: Path, suffix: str, below: bool) -> Iterator[Member]:
    for file in files(path, suffix, below=below):
        name = _printable(str(file.relative_to(path)))
        source, data, problem = _printable(str(file)), b"", None
        try:
            status = file.stat()
            if source != str(file):
                problem = "its name is not UTF-8: rename it"
            elif not stat.S_ISREG(status.st_mode):
                problem = "not a regular file"
            else:
                problem = _too_large(status.st_size)
            data = b"" if problem else file.read_bytes()
        except OSError as error:
            problem = f"cannot read it: {error.strerror}"
        yield Member(source, name, 0, len(data), data, problem)


def files(path: Path, suffix: str, *, below: bool = True) -> Iterator[Path]:
    """Yield the files of `path` and below, sorted; an unreadable directory is an OSError."""

    def refuse(error: OSError) -> None:
        raise error

    for folder, folders, names in os.walk(path, onerror=refuse):
        folders[:] = sorted(folders) if below else []
        yield from (Path(folder) / name for name in sorted(names) if name.lower().endswith(suffix))


def _tar_members(path: Path, suffix: str) -> Iterator[Member]:
    count = 0
    try:
        with open_binary(str(path)) as stream, tarfile.open(fileobj=stream, mode="r:") as tar:
            for member in tar:
                if not member.name.lower().endswith(suffix):
                    continue
                problem = _too_large(member.size)
                if not member.isreg() or member.issparse():
                    problem = "a link, or no plain file: archive it again with its contents"
                content = None if problem else tar.extractfile(member)
                data = content.read() if content else b""
                if not problem and len(data) != member.size:
                    raise EOFError("the archive ends inside a member")
                yield Member(
                    *(str(path), _printable(member.name), member.offset_data, len(data)),
                    *(data, problem),
                )
                count += 1
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ArchiveError(
            f"{path} is damaged after {count} reports: {error}: fetch the archive again"
        ) from error


def _too_large(size: int) -> str | None:
    too_large = size > MAX_MEMBER_BYTES
    return f"file of {size} bytes, more than {MAX_MEMBER_BYTES}" if too_large else None


def _printable(name: str) -> str:
    """Return a file name that can be written as UTF-8, whatever bytes it has on disk."""
    return name.encode("utf-8", "backslashreplace").decode()


def digest(*parts: bytes) -> str:
    """Return a hash that tells the parts apart, borders included."""
    state = blake2b(digest_size=16)
    for part in parts:
        state.update(len(part).to_bytes(8, "big") + part)
    return state.hexdigest()


def read_member(path: Path, record: Mapping[str, Any]) -> bytes:
    """Return the bytes of one row of the index of the archive at `path`.

    Raises:
        ArchiveError: they are gone, or others than when the archive was indexed.
    """
    source, offset, length = record["source"], record["offset"], record["length"]
    try:
        if source != str(path):  # a file of a directory, whatever it looks like inside
            with open(source, "rb") as file:
                data = file.read(length + 1)
        else:
            status = path.stat()
            stream, is_zip_file = _stream(source, status.st_mtime_ns, status.st_size)
            if is_zip_file:
                data = read_zip_member(stream, offset, length)
            else:
                stream.seek(offset)
                data = stream.read(length)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise ArchiveError(f"cannot read {source} at byte {offset}: {error}") from error
    if digest(data) != record["content"]:
        raise ArchiveError(
            f"{record['member']} of {path} changed since it was indexed: run the same command again"
        )
    return data


@functools.lru_cache(maxsize=1)
def _stream(source: str, mtime_ns: int, size: int) -> tuple[IO[bytes], bool]:
    """Return an open stream that stays open in this process, and whether it is a zip.

    Units come in the order of the archive, so a worker only ever moves forward through a tar.gz:
    each worker decompresses it once, and never keeps it whole.
    """
    return open_binary(source), is_zip(Path(source))


def open_binary(source: str) -> IO[bytes]:
    """Return a file as a stream of bytes, uncompressed where it is a gzip."""
    file = open(source, "rb")  # noqa: SIM115 - handed on, and closed by whoever asked
    is_gzip = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    return gzip.GzipFile(fileobj=file) if is_gzip else file  # type: ignore[return-value]
