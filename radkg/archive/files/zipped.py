"""The members of a zip: list all of them, read one from the place of its local header.

Stored and deflated members are read; any other member is listed with its problem. A member's name
is only a name: nothing is ever written under it. Format: PKWARE APPNOTE 6.3, 4.3.7.
"""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import IO

from radkg.archive.files.messages import sanitize
from radkg.archive.files.places import READ_AHEAD, Place
from radkg.errors import ArchiveError

_HEADER = struct.Struct("<4s4xH16xHH")  # signature, method, length of name, length of extra
_SIGNATURE = b"PK\x03\x04"
_CHUNK = 1 << 16  # bytes of compressed data that are read at once
_DAMAGE = (zipfile.BadZipFile, NotImplementedError, struct.error, ValueError, OverflowError)


def is_zip(path: Place) -> bool:
    """Tell whether the file begins as a zip, damaged ones included."""
    with path.open("rb") as file:
        return file.read(4) in (_SIGNATURE, b"PK\x05\x06")  # the second: a zip without members


def list_zip_names(path: Place) -> list[str]:
    """Return the names of all members, folders included.

    Raises:
        ArchiveError: the list of members, at the end of the file, is cut off or damaged.
    """
    return [entry.filename for entry in _entries(path)]


def list_zip_members(
    path: Place, max_bytes: int
) -> Iterator[tuple[str, int, int, int, str | None]]:
    """Yield name, place, size, CRC-32 and problem of each member, without reading any of it.

    Args:
        path: the zip.
        max_bytes: a member that declares more is a problem.

    Raises:
        ArchiveError: the list of members, at the end of the file, is cut off or damaged.
    """
    entries = _entries(path)
    room = _room([entry.header_offset for entry in entries], path.stat().st_size)
    for entry in entries:
        problem = _refusal(entry, room[entry.header_offset], max_bytes)
        yield entry.filename, entry.header_offset, entry.file_size, entry.CRC, problem


def read_zip_members(
    path: Place, suffix: str, max_bytes: int
) -> Iterator[tuple[str, int, bytes, str | None]]:
    """Yield name, place (byte of the local header), data and problem of each `suffix` member.

    Args:
        path: the zip.
        suffix: how the names of the wanted members end, in any case.
        max_bytes: a member that declares more is not read, and one that holds more than it
            declares is read no further than that.

    Raises:
        ArchiveError: the list of members, at the end of the file, is cut off or damaged.
    """
    entries = _entries(path)
    room = _room([entry.header_offset for entry in entries], path.stat().st_size)
    buffered = _CHUNK if isinstance(path, Path) else READ_AHEAD
    with path.open("rb", buffering=buffered) as stream:
        for entry in entries:
            if not entry.filename.lower().endswith(suffix):
                continue
            data = b""
            problem = _refusal(entry, room[entry.header_offset], max_bytes)
            if not problem:
                try:
                    data = read_zip_member(stream, entry.header_offset, entry.file_size)
                except (ValueError, zlib.error) as error:
                    problem = f"damaged in the zip: {sanitize(error)}"
            if not problem and len(data) != entry.file_size:
                more = "more" if len(data) > entry.file_size else "less"
                problem = f"holds {more} than the {entry.file_size} bytes that the zip declares"
            elif not problem and zlib.crc32(data) != entry.CRC:
                problem = "damaged in the zip: its checksum differs"
            yield entry.filename, entry.header_offset, b"" if problem else data, problem


def read_zip_member(stream: IO[bytes], offset: int, length: int) -> bytes:
    """Return the member whose local header is at `offset`, uncompressed.

    At most `length` + 1 bytes come: one too many shows that the member is longer than the zip
    declares, fewer than `length` that it is cut off.

    Raises:
        ValueError: no member is there, or its compression is none that is read.
        zlib.error: the compressed data is damaged.
    """
    stream.seek(offset)
    header = stream.read(_HEADER.size)
    if len(header) < _HEADER.size or header[:4] != _SIGNATURE:
        raise ValueError(f"no member at byte {offset}")
    _, method, name_bytes, extra_bytes = _HEADER.unpack(header)
    stream.seek(name_bytes + extra_bytes, 1)
    if method == zipfile.ZIP_STORED:
        return stream.read(length)
    if method != zipfile.ZIP_DEFLATED:
        raise ValueError(f"compression method {method} at byte {offset}")
    # The compressed length is not needed: deflate marks its own end.
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    data = bytearray()
    while not inflate.eof and len(data) <= length:
        compressed = inflate.unconsumed_tail or stream.read(min(_CHUNK, length + 64))
        if not compressed:
            break
        data += inflate.decompress(compressed, length + 1 - len(data))
    return bytes(data)


def _entries(path: Place) -> list[zipfile.ZipInfo]:
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            return archive.infolist()
    except _DAMAGE as error:
        raise ArchiveError(
            f"{path} is a damaged zip: {sanitize(error)}: fetch the archive again"
        ) from error


def _room(offsets: list[int], size: int) -> dict[int, int]:
    """Return the bytes from each local header to the next; none where two members share one."""
    room: dict[int, int] = {}
    for here, following in pairwise([*sorted(offsets), size]):
        room[here] = min(following - here, room.get(here, size)) if here >= 0 else 0
    return room


def check_size(size: int, max_bytes: int) -> str | None:
    """Return why a file is too large to be read; None where it is not."""
    return f"file of {size} bytes, more than {max_bytes}" if size > max_bytes else None


def _refusal(entry: zipfile.ZipInfo, room: int, max_bytes: int) -> str | None:
    """Return why a member is not read, judged by what the zip declares; None where it is read."""
    if entry.flag_bits & 1:
        return "encrypted: zip it again without a password"
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return f"compression method {entry.compress_type}: zip it again with deflate"
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "a link: zip it again with its contents"
    if problem := check_size(entry.file_size, max_bytes):
        return problem
    if _HEADER.size + entry.compress_size > room:  # how small zips unfold to terabytes
        return "overlaps another member: fetch the archive again"
    return None
