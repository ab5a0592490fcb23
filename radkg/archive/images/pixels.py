"""One radiograph from a JPEG, a PNG (8 or 16 bit) or a DICOM file, as grey values in [0, 1].

A file that cannot be a radiograph is refused with a reason, before it is decoded where its header
shows it. The contrast of JPEG and PNG stays; DICOM is read by dicom.py. Damage inside a JPEG that
its decoder conceals is not seen.
"""

from __future__ import annotations

import warnings
from io import BytesIO
from typing import Any

import numpy as np

from radkg.archive.files.located import read_bytes
from radkg.archive.files.messages import sanitize
from radkg.archive.images.dicom import read_dicom
from radkg.archive.images.header import is_dicom
from radkg.archive.images.limits import DAMAGE, check_scans, check_size
from radkg.archive.images.nifti import is_nifti
from radkg.archive.images.strips import LUMA, Pixels, compute_by_strips
from radkg.errors import ArchiveError

_FORMATS = ("JPEG", "PNG")


def read_image(location: str) -> Pixels:
    """Return the image at a location as (H, W) float32 in [0, 1], white = 1.

    Raises:
        ArchiveError: it is missing, damaged, no image, too small, too large, of several frames or
            without any contrast; the message says what to do.
    """
    return _decode(location, read_bytes(location), only_radiographs=False)


def read_radiograph(location: str) -> Pixels:
    """Return what `read_image` does, for a model that knows radiographs alone.

    Raises:
        ArchiveError: as `read_image`, and where a DICOM file says that it is of another modality.
    """
    return decode_radiograph(location, read_bytes(location))


def decode_radiograph(location: str, data: bytes) -> Pixels:
    """Return what `read_radiograph` does, of a file in memory; its location is for messages."""
    return _decode(location, data, only_radiographs=True)


def _decode(location: str, data: bytes, *, only_radiographs: bool) -> Pixels:
    name = sanitize(location)
    if not data:
        raise ArchiveError(f"{name} is empty: copy the image again")
    with warnings.catch_warnings():  # they quote the file's bytes, which may name a patient
        warnings.simplefilter("ignore")
        if is_dicom(location, data):
            pixels = read_dicom(name, data, only_radiographs=only_radiographs)
        elif is_nifti(location, data):
            raise ArchiveError(f"{name} is a volume (NIfTI): a 2D image is wanted here")
        else:
            pixels = _read_jpeg_or_png(name, data)
    assert pixels.ndim == 2, pixels.shape
    if pixels.min() == pixels.max():
        raise ArchiveError(
            f"{name} has no contrast, every pixel is the same: export the image again"
        )
    return pixels


def _read_jpeg_or_png(location: str, data: bytes) -> Pixels:
    """Return a JPEG or PNG, upright by its EXIF orientation."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(BytesIO(data), formats=_FORMATS) as image:
            check_size(location, *image.size, frames=getattr(image, "n_frames", 1))
            if image.format == "JPEG":
                check_scans(location, *image.size, data)
            ImageOps.exif_transpose(image, in_place=True)
            width, height = image.size
            return compute_by_strips(
                (height, width),
                lambda top, end: _luminance(image.crop((0, top, width, end))),
            )
    except UnidentifiedImageError as error:
        raise ArchiveError(
            f"{location} is no JPEG, PNG or DICOM file: convert it, or take it out of --images"
        ) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ArchiveError(
            f"{location} is refused: {sanitize(error)}: export it smaller"
        ) from error
    except (OSError, *DAMAGE) as error:
        raise ArchiveError(
            f"{location} is damaged: {sanitize(error)}: copy the image again"
        ) from error


def _luminance(image: Any) -> Pixels:
    """Return a Pillow image as grey; what is transparent counts as black."""
    if image.mode in ("I;16", "I;16B", "I"):
        return _scaled(image, 65535)
    if image.mode in ("1", "L") and "transparency" not in image.info:
        return _scaled(image.convert("L"), 255)
    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        colours = _scaled(image.convert("RGBA"), 255)
        grey: Pixels = colours[..., :3] @ LUMA * colours[..., 3]
        return grey
    # CMYK too: Pillow has already undone Adobe's inversion
    grey = _scaled(image.convert("RGB"), 255) @ LUMA
    return grey


def _scaled(image: Any, white: int) -> Pixels:
    grey: Pixels = np.divide(np.asarray(image), white, dtype=np.float32)
    return grey
