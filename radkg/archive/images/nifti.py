"""One volume from a NIfTI file (NIfTI-1 or -2, plain or as a gzip), with where its voxels lie."""

from __future__ import annotations

import gzip
import logging
import struct
import zlib
from io import BytesIO
from typing import Any

from radkg.archive.files.gunzip import open_gzip
from radkg.archive.files.messages import sanitize
from radkg.archive.images.limits import DAMAGE, MAX_VOXELS, check_volume_size
from radkg.archive.images.volume_grid import VolumeGrid
from radkg.errors import ArchiveError

_GZIP = b"\x1f\x8b"
_HEADER_SIZES = (348, 540)  # bytes, of NIfTI-1 and NIfTI-2, which the first number of a file says
_SUFFIXES = (".nii", ".nii.gz")
_MAX_BYTES = 8 * MAX_VOXELS  # the widest numbers that a scan is stored in


def is_nifti(location: str, data: bytes) -> bool:
    """Tell whether a file is to be read as NIfTI: by its header, or its name."""
    return location.lower().endswith(_SUFFIXES) or _find_header_size(data) is not None


def read_nifti(location: str, data: bytes) -> VolumeGrid:
    """Return the volume of a NIfTI file, its scaling applied.

    Raises:
        ArchiveError: it is damaged, too large, no single volume of numbers, or does not say where
            left and right are.
    """
    from nibabel.filebasedimages import ImageFileError
    from nibabel.nifti1 import Nifti1Image
    from nibabel.nifti2 import Nifti2Image
    from nibabel.spatialimages import HeaderDataError

    logging.getLogger("nibabel.global").setLevel(logging.CRITICAL + 1)  # it tells of repairs
    try:
        if data[:2] == _GZIP:
            with open_gzip(BytesIO(data)) as stream:
                data = stream.read(_MAX_BYTES)
        size = _find_header_size(data)
        if size is None or data[_find_magic(size)][:1] != b"n":
            raise ArchiveError(f"{location} is no NIfTI file: convert it to .nii or .nii.gz")
        if data[_find_magic(size)][1:2] != b"+":
            raise ArchiveError(f"{location} is one file of a pair: convert it to .nii or .nii.gz")
        kind: Any = Nifti1Image if size == _HEADER_SIZES[0] else Nifti2Image
        image = kind.from_bytes(data)
        shape = tuple(int(side) for side in image.shape)
        while len(shape) > 3 and shape[-1] == 1:
            shape = shape[:-1]
        check_volume_size(location, shape)
        if image.header.get_data_dtype().kind not in "iuf":
            raise ArchiveError(f"{location} holds colours or complex numbers: export grey values")
        if not (image.header["qform_code"] or image.header["sform_code"]):
            raise ArchiveError(
                f"{location} does not say where left and right are: set its qform or sform"
            )
        values = image.get_fdata(dtype="float32", caching="unchanged").reshape(shape)
        return VolumeGrid(values, image.affine)
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise ArchiveError(
            f"{location} is a damaged gzip: {sanitize(error)}: copy the volume again"
        ) from error
    except (OSError, HeaderDataError, ImageFileError, KeyError, TypeError, *DAMAGE) as error:
        raise ArchiveError(
            f"{location} is damaged: {sanitize(error)}: copy the volume again"
        ) from error


def _find_header_size(data: bytes) -> int | None:
    """Return the size that a NIfTI header says of itself; None where the bytes are none."""
    if len(data) < _HEADER_SIZES[0]:
        return None
    (little,), (big,) = struct.unpack("<i", data[:4]), struct.unpack(">i", data[:4])
    return next((size for size in _HEADER_SIZES if size in (little, big)), None)


def _find_magic(size: int) -> slice:
    """Return where the letters stand that tell a single file (n+) from a pair (ni)."""
    return slice(344, 348) if size == _HEADER_SIZES[0] else slice(4, 8)
