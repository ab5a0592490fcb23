"""One radiograph from a JPEG, a PNG (8 or 16 bit) or a DICOM file, as grey values in [0, 1].

A file that cannot be a radiograph is refused with a reason, before it is decoded where its header
shows it. The contrast of JPEG and PNG stays; DICOM pixels are windowed as the file says, then
rescaled to [0, 1]. Damage inside a JPEG that its decoder conceals is not seen.
"""

from __future__ import annotations

import logging
import struct
import warnings
import zlib
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt

from radkg.archive.files.located import get_suffix, read_bytes
from radkg.archive.files.messages import sanitize
from radkg.errors import ArchiveError

Pixels = npt.NDArray[np.float32]

MIN_SIDE = 16  # px
MAX_PIXELS = 64_000_000  # the largest detectors have 4,300 x 4,300
_MAX_SCANNED = 2_000_000_000  # pixels times scans; a progressive JPEG has about ten
_STRIP = 256  # rows that are computed at once: floats take many times the bytes of the file
_FORMATS = ("JPEG", "PNG")
_DEFLATED = b"1.2.840.10008.1.2.1.99"  # transfer syntax that pydicom unfolds whole, however large
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
    name = sanitize(location)
    if not data:
        raise ArchiveError(f"{name} is empty: copy the image again")
    is_dicom = data[128:132] == b"DICM" or get_suffix(location) == ".dcm"
    with warnings.catch_warnings():  # they quote the file's bytes, which may name a patient
        warnings.simplefilter("ignore")
        pixels = (_read_dicom if is_dicom else _read_jpeg_or_png)(name, data)
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
            _check_size(location, *image.size, frames=getattr(image, "n_frames", 1))
            if image.format == "JPEG":
                _check_scans(location, *image.size, data)
            ImageOps.exif_transpose(image, in_place=True)
            width, height = image.size
            return _by_strips(
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
    except (OSError, *_DAMAGE) as error:
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
        grey: Pixels = colours[..., :3] @ _LUMA * colours[..., 3]
        return grey
    # CMYK too: Pillow has already undone Adobe's inversion
    grey = _scaled(image.convert("RGB"), 255) @ _LUMA
    return grey


def _scaled(image: Any, white: int) -> Pixels:
    grey: Pixels = np.divide(np.asarray(image), white, dtype=np.float32)
    return grey


def _by_strips(shape: tuple[int, int], compute: Callable[[int, int], Any]) -> Pixels:
    """Return an array of which `compute(top, end)` gives a few rows at a time."""
    pixels: Pixels = np.empty(shape, np.float32)
    for top in range(0, shape[0], _STRIP):
        end = min(top + _STRIP, shape[0])
        pixels[top:end] = compute(top, end)
    return pixels


def _read_dicom(location: str, data: bytes) -> Pixels:
    """Return a DICOM image after modality and VOI tables, MONOCHROME1 turned to white = 1."""
    import pydicom
    from PIL.Image import DecompressionBombError
    from pydicom.errors import BytesLengthException, InvalidDicomError
    from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut

    logging.getLogger("pydicom").setLevel(
        logging.CRITICAL
    )  # it logs the warnings, which may name a patient
    if _DEFLATED in data:
        raise ArchiveError(
            f"{location} is a deflated DICOM file, which could be of any size: convert it to "
            "uncompressed DICOM"
        )
    try:
        dataset = pydicom.dcmread(BytesIO(data))
        _check_size(
            location,
            int(dataset.Columns),
            int(dataset.Rows),
            frames=int(dataset.get("NumberOfFrames") or 1),
        )
        _check_frame(location, dataset)
        stored = dataset.pixel_array

        def windowed(top: int, end: int) -> Any:
            if stored.ndim == 3:  # colour, a secondary capture
                return stored[top:end].astype(np.float32) @ _LUMA
            return apply_voi_lut(apply_modality_lut(stored[top:end], dataset), dataset)

        values = _by_strips(stored.shape[:2], windowed)
        is_negative = dataset.get("PhotometricInterpretation") == "MONOCHROME1"
    except InvalidDicomError as error:
        raise ArchiveError(f"{location} is no DICOM file: take it out of --images") from error
    except AttributeError as error:  # pydicom's word for a missing element
        raise ArchiveError(
            f"{location} holds no image: {sanitize(error)}: take it out of --images"
        ) from error
    except DecompressionBombError as error:
        raise ArchiveError(
            f"{location} is refused: {sanitize(error)}: export it smaller"
        ) from error
    except (RuntimeError, NotImplementedError) as error:
        raise ArchiveError(
            f"cannot decode {location}: {sanitize(error)}: is it damaged? For JPEG 2000: "
            "pip install pylibjpeg-openjpeg; else convert it to uncompressed DICOM"
        ) from error
    except (OSError, KeyError, TypeError, BytesLengthException, *_DAMAGE) as error:
        raise ArchiveError(
            f"{location} is damaged: {sanitize(error)}: copy the image again"
        ) from error
    return _rescale(location, values, is_negative)


def _rescale(location: str, values: Pixels, is_negative: bool) -> Pixels:
    """Return values rescaled to [0, 1]; zeros where all are equal."""
    low, high = float(values.min()), float(values.max())
    if not np.isfinite(high - low):
        raise ArchiveError(
            f"{location} is damaged: its window or rescaling leads to no numbers: copy the image "
            "again"
        )

    def rescale(top: int, end: int) -> Any:
        strip = (values[top:end].astype(np.float64) - low) / max(high - low, 1e-12)
        return (1 - strip if is_negative else strip) if low < high else 0

    return _by_strips((values.shape[0], values.shape[1]), rescale)


def _check_frame(location: str, dataset: Any) -> None:
    """Refuse a compressed frame that is larger than the DICOM header around it declares."""
    from PIL import Image, UnidentifiedImageError
    from pydicom.encaps import generate_frames

    if not dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        return
    frame = next(generate_frames(dataset.PixelData, number_of_frames=1), b"")
    try:
        with Image.open(BytesIO(frame), formats=("JPEG", "JPEG2000")) as inner:
            (width, height), form = inner.size, inner.format
    except UnidentifiedImageError:
        return  # another codec, whose decoder takes no more memory than the header declares
    if width * height > dataset.Columns * dataset.Rows:
        raise ArchiveError(
            f"{location} declares {dataset.Columns} x {dataset.Rows} px and holds {width} x "
            f"{height}: export it again"
        )
    if form == "JPEG":
        _check_scans(location, width, height, frame)


def _check_scans(location: str, width: int, height: int, jpeg: bytes) -> None:
    """Refuse a JPEG that goes over its pixels so often that it would take minutes."""
    scans = jpeg.count(b"\xff\xda")
    if scans * width * height > _MAX_SCANNED:
        raise ArchiveError(
            f"{location} goes {scans} times over {width} x {height} px: export the image again"
        )


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
