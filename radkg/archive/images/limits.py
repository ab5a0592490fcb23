"""What an image's header may declare; whatever says more is refused before it is decoded."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Sequence

from radkg.errors import ArchiveError

MIN_SIDE = 16  # px
MAX_PIXELS = 64_000_000  # the largest detectors have 4,300 x 4,300
MAX_VOXELS = 256_000_000  # of a volume: 1 GB as floats; a CT of 976 slices
MIN_VOLUME_SIDE = 4  # voxels: fewer slices are images, and no volume
# What decoders raise on damaged bytes, beside OSError.
DAMAGE = (SyntaxError, ValueError, EOFError, struct.error, zlib.error, IndexError)
_MAX_SCANNED = 2_000_000_000  # pixels times scans; a progressive JPEG has about ten
# Markers that begin a frame in a JPEG (ITU-T T.81, table B.1) and in a JPEG-LS (T.87).
_FRAME_MARKERS = frozenset({*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC})
_MARKERS_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})


def check_size(location: str, width: int, height: int, frames: int) -> None:
    """Refuse an image by what its header declares.

    Raises:
        ArchiveError: it is too large, too small (px), or of several frames.
    """
    if width * height > MAX_PIXELS:
        raise ArchiveError(
            f"{location} declares {width} x {height} px, more than {MAX_PIXELS // 10**6} million: "
            "export it smaller"
        )
    if min(width, height) < MIN_SIDE:
        raise ArchiveError(
            f"{location} has {width} x {height} px, less than {MIN_SIDE} a side: take it out of "
            "--images"
        )
    if frames != 1:
        raise ArchiveError(f"{location} has {frames} frames: give one file per image")


def check_volume_size(location: str, shape: Sequence[int]) -> None:
    """Refuse a volume by the voxels that its headers declare.

    Raises:
        ArchiveError: it is no volume, too large or too small.
    """
    declared = " x ".join(map(str, shape))
    if len(shape) != 3 or min(shape) == 1:
        what = "is a 2D image" if sum(n > 1 for n in shape) < 3 else "is several volumes in one"
        raise ArchiveError(f"{location} {what} ({declared}): give one volume of three axes")
    if math.prod(shape) > MAX_VOXELS:
        raise ArchiveError(
            f"{location} declares {declared} voxels, more than {MAX_VOXELS // 10**6} million: "
            "export it smaller"
        )
    if min(shape) < MIN_VOLUME_SIDE:
        raise ArchiveError(
            f"{location} has {declared} voxels, less than {MIN_VOLUME_SIDE} a side: no volume"
        )


def check_scans(location: str, width: int, height: int, jpeg: bytes) -> None:
    """Refuse a JPEG that goes over its pixels so often that it would take minutes.

    Raises:
        ArchiveError: it does.
    """
    scans = jpeg.count(b"\xff\xda")
    if scans * width * height > _MAX_SCANNED:
        raise ArchiveError(
            f"{location} goes {scans} times over {width} x {height} px: export the image again"
        )


def find_jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Return width and height (px) that a JPEG of any process declares; None where it is none."""
    at = 2
    while data[:2] == b"\xff\xd8" and at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _FRAME_MARKERS:
            height, width = data[at + 5 : at + 7], data[at + 7 : at + 9]
            return int.from_bytes(width), int.from_bytes(height)
        if marker == 0xFF:  # a fill byte
            at += 1
        elif marker in _MARKERS_WITHOUT_LENGTH:
            at += 2
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4])
    return None
