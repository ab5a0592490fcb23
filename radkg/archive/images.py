"""One radiograph from wherever it is: JPEG, PNG (8 or 16 bit) or DICOM, as grey values in [0, 1].

What cannot be a radiograph is refused with a reason, before it is decoded where the header tells.
It does not change the contrast of JPEG and PNG; DICOM pixels are windowed as the file says, then
spread over [0, 1]. Damage inside a JPEG that its decoder conceals is not seen.
"""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt

from radkg.archive.located import read_bytes, suffix
from radkg.errors import ArchiveError

Pixels = npt.NDArray[np.float32]

MIN_SIDE = 16  # px
MAX_PIXELS = 64_000_000  # the largest detectors have 4,300 x 4,300
_FORMATS = ("JPEG", "PNG")
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R 601, as Pillow weighs colours
# What decoders raise on damaged bytes, beside OSError.
_DAMAGE = (SyntaxError, ValueError, EOFError, struct.error, zlib.error, IndexError)


def read_image(location: str) -> Pixels:
    """Return the image at a location as (H, W) float32 in [0, 1], white = 1.

    Raises:
        ArchiveError: it is missing, damaged, no image, too small, too large, of several frames or
            without any contrast; the message says what to do.
    """
    data = read_bytes(location)
    if not data:
        raise ArchiveError(f"{location} is empty: copy the image again")
    is_dicom = data[128:132] == b"DICM" or suffix(location) == ".dcm"
    pixels = (_read_dicom if is_dicom else _read_picture)(location, BytesIO(data))
    assert pixels.ndim == 2, pixels.shape
    if pixels.min() == pixels.max():
        raise ArchiveError(
            f"{location} has no contrast, every pixel is the same: export the image again"
        )
    return pixels


def _read_picture(location: str, file: BytesIO) -> Pixels:
    """Return a JPEG or PNG, upright by its EXIF orientation."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(file, formats=_FORMATS) as image:
            _check_size(location, *image.size, frames=getattr(image, "n_frames", 1))
            return _luminance(ImageOps.exif_transpose(image))
    except UnidentifiedImageError as error:
        raise ArchiveError(
            f"{location} is no JPEG, PNG or DICOM file: convert it, or take it out of --images"
        ) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ArchiveError(f"{location} is refused: {error}: export it smaller") from error
    except (OSError, *_DAMAGE) as error:
        raise ArchiveError(f"{location} is damaged: {error}: copy the image again") from error


def _luminance(image: Any) -> Pixels:
    """Return a Pillow image as grey; what is transparent counts as black."""
    if image.mode in ("I;16", "I;16B", "I"):
        return _scaled(image, 65535)
    if image.mode in ("1", "L") and "transparency" not in image.info:
        return _scaled(image.convert("L"), 255)
    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        colours = _scaled(image.convert("RGBA"), 255)
        grey: Pixels = colours[..., :3] @ _LUMA * colours[..., 3]
        return grey
    # CMYK too: Pillow has already undone Adobe's inversion
    grey = _scaled(image.convert("RGB"), 255) @ _LUMA
    return grey


def _scaled(image: Any, white: int) -> Pixels:
    grey: Pixels = np.divide(np.asarray(image), white, dtype=np.float32)
    return grey


def _read_dicom(location: str, file: BytesIO) -> Pixels:
    """Return a DICOM image after modality and VOI tables, MONOCHROME1 turned to white = 1."""
    import pydicom
    from pydicom.errors import InvalidDicomError
    from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut

    try:
        dataset = pydicom.dcmread(file)
        _check_size(
            location,
            int(dataset.Columns),
            int(dataset.Rows),
            frames=int(dataset.get("NumberOfFrames") or 1),
        )
        stored = dataset.pixel_array
        if stored.ndim == 3:  # colour, a secondary capture
            values = stored.astype(np.float32) @ _LUMA
        else:
            values = apply_voi_lut(apply_modality_lut(stored, dataset), dataset)
    except InvalidDicomError as error:
        raise ArchiveError(f"{location} is no DICOM file: take it out of --images") from error
    except AttributeError as error:  # pydicom's word for a missing element
        raise ArchiveError(
            f"{location} holds no image: {error}: take it out of --images"
        ) from error
    except (RuntimeError, NotImplementedError) as error:
        raise ArchiveError(
            f"cannot decode {location}: {error}: is it damaged? For JPEG 2000: "
            "pip install pylibjpeg-openjpeg; else convert it to uncompressed DICOM"
        ) from error
    except (OSError, KeyError, TypeError, *_DAMAGE) as error:
        raise ArchiveError(f"{location} is damaged: {error}: copy the image again") from error
    low, high = float(values.min()), float(values.max())
    spread = (np.asarray(values, np.float64) - low) / max(high - low, 1e-12)
    if dataset.get("PhotometricInterpretation") == "MONOCHROME1":
        spread = 1 - spread
    if low == high:
        spread = np.zeros_like(spread)
    pixels: Pixels = spread.astype(np.float32)
    return pixels


def _check_size(location: str, width: int, height: int, frames: int) -> None:
    """Refuse an image by what its header declares."""
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
