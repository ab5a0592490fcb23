"""The files of an archive, in a tar, tar.gz, zip, directory or prefix: list all, read by place.

Nothing is unpacked to disk and nothing is dropped: what cannot be read is listed with its problem.
"""

from __future__ import annotations

import os
import stat
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar

from radkg.archive.files.messages import sanitize
from radkg.archive.files.objects import fetch_objects, group_into_batches
from radkg.archive.files.places import Place, S3Path, forget_versions
from radkg.archive.files.streams import open_binary, read_at
from radkg.archive.files.tarred import (
    TAR_DAMAGE,
    check_end,
    check_tar_member,
    list_tar_members,
    open_tar,
)
from radkg.archive.files.zipped import check_size, is_zip, read_zip_members
from radkg.errors import ArchiveError

MAX_MEMBER_BYTES = 16 << 20  # of one report; Open-i's largest has 13 kB
T = TypeVar("T")


@dataclass(frozen=True)
class Member:
    """One file of the archive; `data` is empty where `problem` says why it cannot be read."""

    source: str
    name: str
    offset: int
    length: int
    data: bytes = b""
    problem: str | None = None


def list_members(path: Place, suffix: str, *, below: bool = True) -> Iterator[Member]:
    """Yield every file of the archive whose name ends with `suffix`, in any case.

    Of a directory those in the directories below it too, unless `below` is False.

    Raises:
        ArchiveError: the archive is damaged, or a directory cannot be listed.
    """
    try:
        if path.is_dir():
            listed = (
                _file_members(path, suffix, below)
                if isinstance(path, Path)
                else _object_members(path, suffix, below)
            )
            yield from listed
        elif is_zip(path):
            for name, offset, data, problem in read_zip_members(path, suffix, MAX_MEMBER_BYTES):
                yield Member(str(path), escape_name(name), offset, len(data), data, problem)
        else:
            yield from _tar_members(path, suffix)
    except OSError as error:
        where = f"{error.filename or path}"
        raise ArchiveError(f"cannot read {where}: {error.strerror or error}") from error


def _file_members(path: Path, suffix: str, below: bool) -> Iterator[Member]:
    for file in _files(path, suffix, below):
        name = escape_name(str(file.relative_to(path)))
        source, data, problem = escape_name(str(file)), b"", None
        try:
            status = file.stat()
            if source != str(file):
                problem = "its name is not UTF-8: rename it"
            elif not stat.S_ISREG(status.st_mode):
                problem = "not a regular file"
            else:
                problem = check_size(status.st_size, MAX_MEMBER_BYTES)
            data = b"" if problem else file.read_bytes()
        except OSError as error:
            problem = f"cannot read it: {error.strerror}"
        yield Member(source, name, 0, len(data), data, problem)


def _object_members(path: S3Path, suffix: str, below: bool) -> Iterator[Member]:
    found = _objects(path, suffix, below)
    sizes = [file.stat().st_size for file in found]
    problems = [check_size(size, MAX_MEMBER_BYTES) for size in sizes]
    for batch in group_into_batches(sizes):
        wanted = [i for i in batch if not problems[i]]
        fetched = iter(fetch_objects([found[i] for i in wanted], [sizes[i] for i in wanted]))
        for i in batch:
            data: bytes | OSError = b"" if problems[i] else next(fetched)
            if isinstance(data, OSError):
                problems[i] = f"cannot read it: {data.strerror}"
                data = b""
            name = str(found[i].relative_to(path))
            yield Member(str(found[i]), name, 0, len(data), data, problems[i])


def list_files(path: Place, suffix: str, *, below: bool = True) -> Iterator[Place]:
    """Yield the files of `path` and below, sorted; an unreadable directory is an OSError."""
    if isinstance(path, Path):
        yield from _files(path, suffix, below)
    else:
        yield from _objects(path, suffix, below)


def _files(path: Path, suffix: str, below: bool) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise error

    for folder, folders, names in os.walk(path, onerror=refuse):
        folders[:] = sorted(folders) if below else []
        yield from (Path(folder) / name for name in sorted(names) if name.lower().endswith(suffix))


def _objects(path: S3Path, suffix: str, below: bool) -> list[S3Path]:
    found = path.find() if below else sorted(p for p in path.iterdir() if p.is_file())
    return [file for file in found if file.name.lower().endswith(suffix)]


def _tar_members(path: Place, suffix: str) -> Iterator[Member]:
    count = 0
    try:
        with open_binary(path) as stream, open_tar(stream) as tar:
            for member in list_tar_members(tar):
                if not member.name.lower().endswith(suffix):
                    continue
                problem = check_tar_member(member, MAX_MEMBER_BYTES)
                content = None if problem else tar.extractfile(member)
                data = content.read() if content else b""
                if not problem and len(data) != member.size:
                    raise EOFError("the archive ends inside a member")
                yield Member(
                    *(str(path), escape_name(member.name), member.offset_data, len(data)),
                    *(data, problem),
                )
                count += 1
            check_end(tar, stream)
    except TAR_DAMAGE as error:
        raise ArchiveError(
            f"{path} is damaged after {count} reports: {sanitize(error)}: fetch the archive again"
        ) from error


def escape_name(name: str) -> str:
    """Return a file name that can be written as UTF-8, whatever bytes it has on disk."""
    return name.encode("utf-8", "backslashreplace").decode()


def digest(*parts: bytes) -> str:
    """Return a hash of the parts and of where each of them ends."""
    state = blake2b(digest_size=16)
    for part in parts:
        state.update(len(part).to_bytes(8, "big") + part)
    return state.hexdigest()


def read_member(path: Place, record: Mapping[str, Any]) -> bytes:
    """Return the bytes of one row of the index of the archive at `path`.

    A record may name a `lane` of `read_at`.

    Raises:
        ArchiveError: the bytes are gone, or changed since the archive was indexed.
    """
    return read_as_indexed(path, record, _read, bytes)


def _read(path: Place, record: Mapping[str, Any]) -> bytes:
    source, offset, length = record["source"], record["offset"], record["length"]
    try:
        if source == str(path):
            return read_at(path, offset, length, record.get("lane", 0))
        # a file of a directory, whatever it looks like inside
        with open(source, "rb") if isinstance(path, Path) else S3Path(source).open() as file:
            return file.read(length + 1)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise ArchiveError(f"cannot read {source} at byte {offset}: {sanitize(error)}") from error


def read_members(
    path: Place, records: Iterable[Mapping[str, Any]]
) -> Iterator[tuple[Mapping[str, Any], bytes]]:
    """Yield each row of the index with its bytes, none where the row has a problem.

    The objects of a prefix are fetched together.

    Raises:
        ArchiveError: bytes are gone, or changed since the archive was indexed.
    """
    if isinstance(path, Path):
        for record in records:
            yield record, b"" if record["problem"] else read_member(path, record)
        return
    rows = list(records)
    loose = [not r["problem"] and r["source"] != str(path) for r in rows]
    sizes = [r["length"] if is_loose else 0 for r, is_loose in zip(rows, loose, strict=True)]
    for batch in group_into_batches(sizes):
        wanted = [rows[i] for i in batch if loose[i]]
        fetched = iter(
            fetch_objects([S3Path(r["source"]) for r in wanted], [r["length"] for r in wanted])
        )
        for i in batch:
            record = rows[i]
            if not loose[i]:
                yield record, b"" if record["problem"] else read_member(path, record)
                continue
            data = next(fetched)
            if isinstance(data, OSError):
                raise ArchiveError(f"cannot read {record['source']}: {data.strerror}") from data
            if digest(data) != record["content"]:
                raise _changed(path, record)
            yield record, data


def read_as_indexed(
    path: Place,
    record: Mapping[str, Any],
    read: Callable[[Place, Mapping[str, Any]], T],
    content: Callable[[T], bytes],
) -> T:
    """Return what `read` gives for a row of the index, if its bytes are those that were indexed.

    Args:
        path: the archive's file; where an object differs, its version is looked up again first.
        record: the row.
        read: reads the row.
        content: returns of what was read the bytes whose digest stands in the row.

    Raises:
        ArchiveError: the row's bytes changed since they were indexed.
    """
    found = read(path, record)
    if digest(content(found)) == record["content"]:
        return found
    if forget_versions(path):
        found = read(path, record)
        if digest(content(found)) == record["content"]:
            return found
    raise _changed(path, record)


def _changed(path: Place, record: Mapping[str, Any]) -> ArchiveError:
    return ArchiveError(
        f"{record['member']} of {path} changed since it was indexed: run the same command again"
    )
