"""One volume (CT, MR, PET) from NIfTI or DICOM, as grey values in [0, 1] and in one orientation.

A volume is a NIfTI file, a folder with the DICOM slices of one series, or a DICOM file of many
frames. A 2D image is refused, as `pixels.py` refuses volumes.
"""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np

from radkg.archive.files.located import is_loose, read_bytes
from radkg.archive.files.messages import sanitize
from radkg.archive.files.places import parse_place
from radkg.archive.images.header import is_dicom
from radkg.archive.images.nifti import is_nifti, read_nifti
from radkg.archive.images.series import read_frames, read_series
from radkg.archive.images.strips import Pixels
from radkg.archive.images.volume_grid import VolumeGrid
from radkg.errors import ArchiveError, ConfigError

_PERCENTILES = (0.5, 99.5)  # of the voxels: what becomes 0 and 1 where no window is given


@dataclasses.dataclass(frozen=True)
class Window:
    """Which values are shown, in the units of the volume: Hounsfield units of a CT."""

    level: float
    """the value that becomes 0.5"""
    width: float
    """values this far apart become 0 and 1"""

    def __post_init__(self) -> None:
        if not (np.isfinite(self.level) and np.isfinite(self.width) and self.width > 0):
            raise ConfigError(
                f"a window of level {self.level} and width {self.width} shows nothing"
            )


def read_volume(location: str, window: Window | None = None) -> Pixels:
    """Return the volume at a location as (D, H, W) float32 in [0, 1].

    D goes from feet to head, H from front to back, W from the patient's right to left, by the
    nearest axes of the file. Voxels are not resampled.

    Args:
        location: a file, a member of a container, or a folder of DICOM slices.
        window: what becomes 0 and 1; None: the 0.5th and the 99.5th percentile of the voxels.

    Raises:
        ArchiveError: it is missing, damaged, a 2D image, no single evenly spaced volume, too large,
            too small, or without contrast; the message says what to do.
    """
    grid = _read(location)
    name = sanitize(location)
    values = grid.make_axial(name)
    if not np.isfinite(values).all():
        raise ArchiveError(f"{name} holds NaN or infinity: export the volume again")
    if window is None:
        low, high = (float(p) for p in np.percentile(values, _PERCENTILES))
    else:
        low, high = window.level - window.width / 2, window.level + window.width / 2
    if low >= high or values.max() <= low or values.min() >= high:
        raise ArchiveError(
            f"{name} has no contrast between {low:g} and {high:g}: check the window, or export the "
            "volume again"
        )
    values -= low
    values /= high - low
    return np.clip(values, 0, 1, out=values)


def _read(location: str) -> VolumeGrid:
    name = sanitize(location)
    with warnings.catch_warnings():  # they quote the file's bytes, which may name a patient
        warnings.simplefilter("ignore")
        if is_loose(location):
            place = parse_place(location)
            try:
                if place.is_dir():
                    return read_series(name, place)
            except OSError as error:
                raise ArchiveError(f"cannot read {name}: {error.strerror or error}") from error
        data = read_bytes(location)
        if not data:
            raise ArchiveError(f"{name} is empty: copy the volume again")
        if is_dicom(location, data):
            return read_frames(name, data)
        if is_nifti(location, data):
            return read_nifti(name, data)
    raise ArchiveError(
        f"{name} is no volume: give a NIfTI file, or a folder of the DICOM slices of one series"
    )
