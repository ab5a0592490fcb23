"""Decodes JPEG Lossless inside DICOM in a process of its own, for its decoder may crash.

GDCM is the only decoder of this syntax in a wheel with a free licence, and ends the whole process
on 2 of 100 damaged files (measured on 450 files with changed bytes). This file is also the program
of that process: a DICOM file on its standard input, an array in numpy's format on its output.
"""

from __future__ import annotations

import subprocess
import sys
from io import BytesIO
from typing import Any

import numpy as np

_SECONDS = 60  # the largest radiographs take one


def decode_lossless(data: bytes) -> Any:
    """Return the stored pixels of a DICOM file, (H, W) or (H, W, 3).

    Raises:
        ValueError: they cannot be decoded.
    """
    try:
        done = subprocess.run(
            [sys.executable, __file__],
            input=data,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ValueError(f"its pixels take more than {_SECONDS} s to decode") from error
    if done.returncode:
        raise ValueError("its pixels cannot be decoded")
    return np.load(BytesIO(done.stdout), allow_pickle=False)


def _decode() -> None:
    import pydicom

    dataset = pydicom.dcmread(BytesIO(sys.stdin.buffer.read()), force=True)
    dataset.pixel_array_options(decoding_plugin="gdcm")
    np.save(sys.stdout.buffer, dataset.pixel_array)


if __name__ == "__main__":
    _decode()
