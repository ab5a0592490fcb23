"""What a DICOM file says of its image, and the dataset that its pixels are read from.

A file without preamble or meta header is read by what it holds. A window or slope that can be none
is left out, as viewers leave it out.
"""

from __future__ import annotations

import math
from io import BytesIO
from typing import Any

from radkg.archive.files.located import get_suffix
from radkg.errors import ArchiveError

_PREAMBLE, _MAGIC = 128, b"DICM"
_GROUPS = (b"\x02\x00", b"\x08\x00", b"\x00\x02", b"\x00\x08")  # a file without preamble begins so
_TRANSFER_SYNTAX = 0x00020010
_DEFLATED = "1.2.840.10008.1.2.1.99"  # pydicom unfolds it whole, however large
# Modalities (PS3.3, C.7.3.1.1.1) of pictures that are no projection of the chest on a detector.
_OTHER_MODALITIES = {"CT", "MR", "US", "PT", "NM", "MG", "XA", "OCT", "OP", "ES", "SM", "IO", "SEG"}
_WINDOW_FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")


def is_dicom(location: str, data: bytes) -> bool:
    """Tell whether a file is to be read as DICOM: by its preamble, its first tag, or its name."""
    return _find_elements(data) is not None or get_suffix(location) == ".dcm"


def parse_dicom(location: str, data: bytes) -> Any:
    """Return the dataset; where it names no transfer syntax, the one that its bytes show.

    Raises:
        ArchiveError: it is deflated, or its pixels are compressed in a way that it does not name.
    """
    import pydicom
    from pydicom.errors import InvalidDicomError
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    start = _find_elements(data)
    if start is None:
        raise InvalidDicomError
    elements = data[start:]
    # asked first, for to read such a file is to unfold it
    if _DEFLATED.encode() in elements and _is_deflated(elements):
        raise ArchiveError(
            f"{location} is a deflated DICOM file, which could be of any size: convert it to "
            "uncompressed DICOM"
        )
    header = bytes(_PREAMBLE) + _MAGIC if start else b""
    dataset = pydicom.dcmread(BytesIO(header + elements), force=True)
    if "TransferSyntaxUID" not in dataset.file_meta:
        pixels: Any = dataset.get_item("PixelData")
        if pixels is not None and pixels.length == 0xFFFFFFFF:
            raise ArchiveError(
                f"{location} does not say how its pixels are compressed: export it again with a "
                "transfer syntax"
            )
        is_implicit, is_little = dataset.original_encoding
        explicit = ExplicitVRLittleEndian if is_little else ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if is_implicit else explicit
    return dataset


def check_modality(location: str, dataset: Any) -> None:
    """Refuse a file that is no projection radiograph, by what the file says of itself."""
    modality = str(dataset.get("Modality") or "").upper()
    if modality in _OTHER_MODALITIES:
        raise ArchiveError(
            f"{location} is no radiograph: its modality is {modality}: take it out of --images"
        )


def drop_what_is_none(dataset: Any) -> None:
    """Take slopes and windows out of a dataset that can be none, as viewers do."""
    if "RescaleSlope" in dataset:
        slope, intercept = dataset.RescaleSlope, dataset.get("RescaleIntercept")
        if not slope or not math.isfinite(slope):
            del dataset.RescaleSlope
        elif intercept is None or not math.isfinite(intercept):
            dataset.RescaleIntercept = 0
    if dataset.get("VOILUTFunction", "LINEAR") not in _WINDOW_FUNCTIONS:
        del dataset.VOILUTFunction
    if "WindowWidth" in dataset or "WindowCenter" in dataset:
        narrowest = 1 if dataset.get("VOILUTFunction", "LINEAR") == "LINEAR" else 0
        windows = zip(
            _list_numbers(dataset.get("WindowCenter")),
            _list_numbers(dataset.get("WindowWidth")),
            strict=False,
        )
        good = [w for w in windows if math.isfinite(sum(w)) and w[1] >= narrowest and w[1] > 0]
        dataset.pop("WindowCenter", None)
        dataset.pop("WindowWidth", None)
        if good:
            dataset.WindowCenter, dataset.WindowWidth = good[0]


def _list_numbers(value: Any) -> list[float]:
    if value is None:
        return []
    values = [value] if isinstance(value, (int, float)) else list(value)
    return [float(one) for one in values]


def _find_elements(data: bytes) -> int | None:
    """Return where the elements of a DICOM file begin; None where it is none."""
    if data[_PREAMBLE : _PREAMBLE + 4] == _MAGIC:
        return _PREAMBLE + 4
    if data[:4] == _MAGIC:
        return 4
    return 0 if data[:2] in _GROUPS else None


def _is_deflated(elements: bytes) -> bool:
    """Tell whether the meta header that a file begins with names the deflated transfer syntax."""
    from pydicom.filereader import data_element_generator

    meta = data_element_generator(
        BytesIO(elements), False, True, stop_when=lambda tag, _vr, _length: tag >> 16 != 2
    )
    return any(e.tag == _TRANSFER_SYNTAX and _DEFLATED.encode() in (e.value or b"") for e in meta)
