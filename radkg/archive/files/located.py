"""Where one image is, as a string, and its bytes: `Image.location` is written and read here alone.

A local path, `s3://bucket/key`, or a member of a container as `<file>!<offset>+<length>!<name>`:
the byte of its local header in a zip, of its data in a tar, and its uncompressed length, so that
the container is not listed again. The first `!` counts: no name of a member leads elsewhere.
"""

from __future__ import annotations

import re
import zlib
from pathlib import PurePosixPath

from radkg.archive.files.messages import sanitize
from radkg.archive.files.places import Place, S3Path, parse_place
from radkg.archive.files.streams import read_at
from radkg.errors import ArchiveError

MAX_IMAGE_BYTES = 256 << 20  # of one file; the largest detectors give 50 MB
_MEMBER = re.compile(r"(.+?)!(\d{1,18})\+(\d{1,18})!(.*)", re.DOTALL | re.ASCII)


def format_member_location(path: Place, offset: int, length: int, name: str) -> str:
    """Return the location of a member of a container."""
    return f"{path}!{offset}+{length}!{name}"


def is_loose(location: str) -> bool:
    """Tell whether a location is a path or an address, and no member of a container."""
    return not _MEMBER.fullmatch(location)


def get_suffix(location: str) -> str:
    """Return the suffix of an image's name, from its last dot on, in small letters."""
    return PurePosixPath(location).suffix.lower()


def read_bytes(location: str) -> bytes:
    """Return the bytes of the image file at a location.

    Raises:
        ArchiveError: it is gone, damaged or larger than MAX_IMAGE_BYTES.
    """
    try:
        data = _read(location)
    except OSError as error:
        raise ArchiveError(
            f"cannot read the image {sanitize(location)}: {error.strerror or error}: check --images"
        ) from error
    except (EOFError, ValueError, zlib.error) as error:
        raise ArchiveError(
            f"{sanitize(location)} is damaged in its container: {sanitize(error)}: fetch the "
            "container again, or run the same command again if it was changed"
        ) from error
    if len(data) > MAX_IMAGE_BYTES:
        raise ArchiveError(
            f"{sanitize(location)} has more than {MAX_IMAGE_BYTES} bytes: export it smaller"
        )
    return data


def _read(location: str) -> bytes:
    if not (member := _MEMBER.fullmatch(location)):
        path = parse_place(location)
        if isinstance(path, S3Path):
            return path.read_bytes(MAX_IMAGE_BYTES + 1)
        with path.open("rb") as file:
            return file.read(MAX_IMAGE_BYTES + 1)
    offset, length = int(member[2]), int(member[3])
    if length > MAX_IMAGE_BYTES:
        raise ValueError(f"{length} bytes, more than {MAX_IMAGE_BYTES}")
    data = read_at(parse_place(member[1]), offset, length)
    if len(data) != length:
        raise ValueError(f"it is not the {length} bytes that were listed")
    return data
