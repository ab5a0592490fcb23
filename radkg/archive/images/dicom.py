"""One image from a DICOM file, as grey values in [0, 1].

Pixels are windowed as the file says, then rescaled to [0, 1].
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import numpy as np

from radkg.archive.files.messages import sanitize
from radkg.archive.images.header import check_modality, drop_what_is_none, parse_dicom
from radkg.archive.images.limits import DAMAGE, check_scans, check_size, find_jpeg_size
from radkg.archive.images.lossless import decode_lossless
from radkg.archive.images.strips import LUMA, Pixels, compute_by_strips
from radkg.errors import ArchiveError

_LOSSLESS = {"1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"}  # JPEG Lossless
_DECODERS = {
    "1.2.840.10008.1.2.4.80": "pyjpegls",  # JPEG-LS
    "1.2.840.10008.1.2.4.81": "pyjpegls",
    "1.2.840.10008.1.2.5": "pydicom",  # RLE
}


def read_dicom(location: str, data: bytes, *, only_radiographs: bool) -> Pixels:
    """Return a DICOM image (H, W) after modality and VOI tables, white = 1.

    Args:
        only_radiographs: refuse an image whose modality is another one (CT, ultrasound, ...).

    Raises:
        ArchiveError: it is damaged, no radiograph, or cannot be decoded; the message says why.
    """
    from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi_lut

    dataset = open_dicom(location, data)
    with explain_dicom_errors(location, dataset):
        if only_radiographs:
            check_modality(location, dataset)
        check_size(
            location,
            int(dataset.Columns),
            int(dataset.Rows),
            frames=int(dataset.get("NumberOfFrames") or 1),
        )
        stored = read_stored(location, dataset, data)
        kind = dataset.get("PhotometricInterpretation")

        def windowed(top: int, end: int) -> Any:
            strip = stored[top:end]
            if kind == "PALETTE COLOR":  # indices into a table of colours
                strip = apply_color_lut(strip, dataset)
            if strip.ndim == 3:  # colour, a secondary capture
                return strip.astype(np.float32) @ LUMA
            return apply_voi_lut(apply_modality_lut(strip, dataset), dataset)

        values = compute_by_strips(stored.shape[:2], windowed)
    return _rescale(location, values, is_negative=kind == "MONOCHROME1")


def open_dicom(location: str, data: bytes) -> Any:
    """Return the dataset of a DICOM file that holds an image.

    Raises:
        ArchiveError: it is none, or is damaged.
    """
    # it logs the warnings, which may name a patient
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    with explain_dicom_errors(location):
        dataset = parse_dicom(location, data)
        if "Columns" not in dataset or "Rows" not in dataset:
            raise AttributeError("it has no rows")
    return dataset


def read_stored(location: str, dataset: Any, data: bytes) -> Any:
    """Return the pixels of a dataset as stored, whose slope and window then can be applied.

    Call it within `explain_dicom_errors`.
    """
    _check_frames(location, dataset)
    drop_what_is_none(dataset)
    return _read_stored(dataset, data)


@contextlib.contextmanager
def explain_dicom_errors(location: str, dataset: Any = None) -> Iterator[None]:
    """Turn what pydicom and its decoders raise into an ArchiveError that says what to do.

    Args:
        location: the file.
        dataset: what was read of it; None: not yet.
    """
    from PIL.Image import DecompressionBombError
    from pydicom.errors import BytesLengthException, InvalidDicomError

    try:
        yield
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
        raise ArchiveError(f"cannot decode {location}: {_explain(dataset, error)}") from error
    except (OSError, KeyError, TypeError, BytesLengthException, *DAMAGE) as error:
        raise ArchiveError(
            f"{location} is damaged: {sanitize(error)}: copy the image again"
        ) from error


def _check_frames(location: str, dataset: Any) -> None:
    """Refuse compressed frames that are larger than the DICOM header around them declares."""
    from pydicom.encaps import generate_frames

    if not dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        return
    number = int(dataset.get("NumberOfFrames") or 1)
    for frame in generate_frames(dataset.PixelData, number_of_frames=number):
        _check_frame(location, dataset, frame)


def _check_frame(location: str, dataset: Any, frame: bytes) -> None:
    from PIL import Image, UnidentifiedImageError

    jpeg = find_jpeg_size(frame)
    try:
        with Image.open(BytesIO(frame), formats=("JPEG2000",)) as inner:
            size: tuple[int, int] | None = inner.size
    except UnidentifiedImageError:
        size = jpeg  # None: another codec, whose decoder takes no more than the header declares
    if size and size[0] * size[1] > dataset.Columns * dataset.Rows:
        raise ArchiveError(
            f"{location} declares {dataset.Columns} x {dataset.Rows} px and holds {size[0]} x "
            f"{size[1]}: export it again"
        )
    if jpeg:
        check_scans(location, *jpeg, frame)


def _read_stored(dataset: Any, data: bytes) -> Any:
    """Return the pixels as stored; those that stand in the high bits of their words, shifted down.

    pydicom takes the lowest BitsStored bits whatever HighBit says, and so would read noise.
    """
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax in _LOSSLESS:
        return decode_lossless(data)
    if syntax.is_encapsulated:  # not whatever decoder is installed: GDCM crashes on damaged files
        dataset.pixel_array_options(decoding_plugin=_DECODERS.get(syntax, "pillow"))
        return dataset.pixel_array
    allocated, bits = int(dataset.BitsAllocated), int(dataset.BitsStored)
    shift = int(dataset.get("HighBit") or 0) + 1 - bits
    if shift <= 0:
        return dataset.pixel_array
    dataset.BitsStored, dataset.HighBit = allocated, allocated - 1
    stored = dataset.pixel_array
    is_high = int(stored.max()) >> bits  # a HighBit that lies: no pixel needs the bits above
    dataset.BitsStored, dataset.HighBit = bits, bits - 1
    return stored >> shift if is_high else stored


def _explain(dataset: Any, error: Exception) -> str:
    """Return why pixels cannot be decoded and what helps; without a dataset, why it is none."""
    if dataset is None:
        return f"{sanitize(error)}: copy the image again"
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax.name.startswith("JPEG Extended") and dataset.BitsStored > 8:
        return (
            f"{syntax.name} with {dataset.BitsStored} bits has no free decoder here: convert the "
            "file to uncompressed DICOM (dcmdjpeg of DCMTK), or pip install pylibjpeg-libjpeg "
            "pylibjpeg, whose licence is GPL"
        )
    return (
        f"{syntax.name}: {sanitize(error)}: is it damaged? Copy the image again, or convert it to "
        "uncompressed DICOM"
    )


def _rescale(location: str, values: Pixels, *, is_negative: bool) -> Pixels:
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

    return compute_by_strips((values.shape[0], values.shape[1]), rescale)
