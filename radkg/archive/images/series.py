"""One volume from DICOM: a folder of the slices of one series, or one file of many frames.

Slices are sorted by where they lie along their normal (PS3.3, C.7.6.2.1.1), never by their names or
numbers. A series with a slice missing, twice, tilted or of another series is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from radkg.archive.files.located import read_bytes
from radkg.archive.files.messages import sanitize
from radkg.archive.files.places import Place, list_children
from radkg.archive.images.dicom import explain_dicom_errors, open_dicom, read_stored
from radkg.archive.images.limits import check_volume_size
from radkg.archive.images.volume_grid import VolumeGrid
from radkg.errors import ArchiveError

Vector = npt.NDArray[np.float64]

_MODALITIES = ("CT", "MR", "PT")
_MAX_FILES = 10_000
_SAME = 1e-3  # how far two directions or spacings may differ, for they are written in few digits
_UNEVEN = 0.05  # of the usual gap: how far a gap between two slices may differ from it
_DIFFER = {
    "SeriesInstanceUID": "mixes two series",
    "Modality": "mixes two modalities",
    "Rows": "has slices of two sizes",
    "Columns": "has slices of two sizes",
}


@dataclass(frozen=True)
class _Slice:
    """Where one slice lies: a file of a folder, or a frame of a file."""

    name: str
    position: Vector  # of its first pixel, in mm
    rows: Vector  # direction in which a row goes
    columns: Vector
    spacing: tuple[float, float]  # mm between rows, and between columns


def read_series(location: str, folder: Place) -> VolumeGrid:
    """Return the volume of a folder that holds the slices of one series and nothing else.

    Raises:
        ArchiveError: a file is none of them or is damaged, or the slices make no volume.
    """
    files = list_children(folder)
    if not files:
        raise ArchiveError(f"{location} is an empty folder: give the slices of one series")
    if len(files) > _MAX_FILES:
        raise ArchiveError(f"{location} has {len(files)} files: give the slices of one series")
    for file in files:
        if not file.is_file():
            raise ArchiveError(f"{location} holds the folder {file.name}: give each series its own")
    first: Any = None
    slices: list[_Slice] = []
    for file in files:
        dataset = _open(file)
        first = dataset if first is None else first
        _check_alike(location, first, dataset, f"{files[0].name} and {file.name}")
        slices.append(_place(sanitize(file.name), [dataset]))
    check_volume_size(location, (len(files), int(first.Rows), int(first.Columns)))
    order = _sort(location, slices)
    planes = []
    for i in order:
        dataset = _open(files[i])
        planes.append(_read_values(sanitize(files[i]), dataset, read_bytes(str(files[i])))[0])
    return _stack(planes, [slices[i] for i in order])


def read_frames(location: str, data: bytes) -> VolumeGrid:
    """Return the volume of one DICOM file whose frames say where they lie (enhanced CT and MR).

    Raises:
        ArchiveError: it has one frame, does not say where its frames lie, or is damaged.
    """
    dataset = open_dicom(location, data)
    number = int(dataset.get("NumberOfFrames") or 1)
    if number == 1:
        raise ArchiveError(f"{location} is a 2D image: a volume is a folder of its slices")
    _check_kind(location, dataset)
    check_volume_size(location, (number, int(dataset.Rows), int(dataset.Columns)))
    shared = (dataset.get("SharedFunctionalGroupsSequence") or [None])[0]
    frames = dataset.get("PerFrameFunctionalGroupsSequence") or []
    if len(frames) != number:
        raise ArchiveError(
            f"{location} has {number} frames and does not say where they lie: export it as a "
            "series of single slices"
        )
    slices = [_place(f"frame {i + 1}", [frame, shared]) for i, frame in enumerate(frames)]
    order = _sort(location, slices)
    planes = _read_values(location, dataset, data, [[frame, shared] for frame in frames])
    return _stack([planes[i] for i in order], [slices[i] for i in order])


def _open(file: Place) -> Any:
    location = sanitize(file)
    dataset = open_dicom(location, read_bytes(str(file)))
    if int(dataset.get("NumberOfFrames") or 1) != 1:
        raise ArchiveError(f"{location} has many frames: take it out of the folder of its series")
    _check_kind(location, dataset)
    return dataset


def _check_kind(location: str, dataset: Any) -> None:
    modality = str(dataset.get("Modality") or "")
    if modality not in _MODALITIES:
        raise ArchiveError(
            f"{location} is no slice of a volume: its modality is {modality or 'not said'}, and "
            f"none of {', '.join(_MODALITIES)}"
        )
    if dataset.get("PhotometricInterpretation") != "MONOCHROME2":
        raise ArchiveError(f"{location} is no grey image (MONOCHROME2): export it again")


def _check_alike(location: str, first: Any, other: Any, names: str) -> None:
    for element, problem in _DIFFER.items():
        if first.get(element) != other.get(element):
            raise ArchiveError(
                f"{location} {problem} ({sanitize(names)}): give each series a folder of its own"
            )


def _place(name: str, groups: Sequence[Any]) -> _Slice:
    """Return where a slice lies, by the first of the groups of elements that says it."""
    with explain_dicom_errors(name):
        position = _find_numbers(name, groups, "ImagePositionPatient", "PlanePositionSequence", 3)
        directions = _find_numbers(
            name, groups, "ImageOrientationPatient", "PlaneOrientationSequence", 6
        )
        spacing = _find_numbers(name, groups, "PixelSpacing", "PixelMeasuresSequence", 2)
    rows, columns = np.array(directions[:3]), np.array(directions[3:])
    lengths = (np.linalg.norm(rows), np.linalg.norm(columns))
    if min(spacing) <= 0 or max(abs(rows @ columns), *(abs(n - 1) for n in lengths)) > _SAME:
        raise ArchiveError(f"{name} has an orientation or spacing that is none: export it again")
    return _Slice(name, np.array(position), rows, columns, (spacing[0], spacing[1]))


def _find_numbers(
    name: str, groups: Sequence[Any], element: str, sequence: str, number: int
) -> list[float]:
    for group in groups:
        if group is None:
            continue
        held = (group.get(sequence) or [group])[0]  # enhanced files nest it, others do not
        values = held.get(element)
        if values is not None:
            numbers = [float(value) for value in values]
            if len(numbers) == number and np.isfinite(numbers).all():
                return numbers
    raise ArchiveError(f"{name} does not say where it lies ({element}): export the series again")


def _sort(location: str, slices: Sequence[_Slice]) -> list[int]:
    """Return the order of the slices along their normal.

    Raises:
        ArchiveError: they are not parallel, evenly spaced slices of one stack.
    """
    first = slices[0]
    for other in slices:
        same = (first.rows, other.rows), (first.columns, other.columns)
        if any(np.abs(a - b).max() > _SAME for a, b in same):
            raise ArchiveError(
                f"{location}: {first.name} and {other.name} are not parallel: it is no volume"
            )
        if not np.allclose(first.spacing, other.spacing, rtol=_SAME):
            raise ArchiveError(
                f"{location}: {first.name} and {other.name} differ in their pixel spacing: export "
                "the series again"
            )
    normal = np.cross(first.rows, first.columns)
    heights = [float(one.position @ normal) for one in slices]
    order = sorted(range(len(slices)), key=heights.__getitem__)
    gaps = np.diff([heights[i] for i in order])
    usual = float(np.median(gaps))
    for below, above, gap in zip(order, order[1:], gaps, strict=False):
        between = f"between {slices[below].name} and {slices[above].name}"
        if gap <= _UNEVEN * max(usual, _SAME):
            raise ArchiveError(
                f"{location}: {slices[below].name} and {slices[above].name} lie at one place: give "
                "each acquisition a folder of its own"
            )
        if abs(gap - usual) > _UNEVEN * usual:
            problem = "slices are missing" if gap > usual else "the slices are unevenly spaced"
            raise ArchiveError(
                f"{location}: {problem} {between} ({gap:.2f} mm, elsewhere {usual:.2f}): export "
                "the whole series"
            )
        shift = slices[above].position - slices[below].position
        if np.linalg.norm(shift - gap * normal) > _UNEVEN * usual:
            raise ArchiveError(
                f"{location}: the slices are shifted against each other {between}, as a tilted "
                "gantry does: resample the series"
            )
    return order


def _read_values(
    location: str, dataset: Any, data: bytes, groups: Sequence[Sequence[Any]] = ()
) -> list[npt.NDArray[np.float32]]:
    """Return the frames (H, W) of a file in the units of its modality (CT: Hounsfield units)."""
    from pydicom.pixels.processing import apply_modality_lut

    with explain_dicom_errors(location, dataset):
        stored = read_stored(location, dataset, data)
        if not groups:
            return [np.asarray(apply_modality_lut(stored, dataset), np.float32)]
        return [
            np.asarray(frame * _find_scale(own, "RescaleSlope", 1.0), np.float32)
            + np.float32(_find_scale(own, "RescaleIntercept", 0.0))
            for frame, own in zip(stored, groups, strict=True)
        ]


def _find_scale(groups: Sequence[Any], element: str, default: float) -> float:
    for group in groups:
        held: Any = (group.get("PixelValueTransformationSequence") or [{}])[0] if group else {}
        value = held.get(element)
        if value is not None:
            return float(value)
    return default


def _stack(planes: Sequence[npt.NDArray[np.float32]], slices: Sequence[_Slice]) -> VolumeGrid:
    """Return sorted slices as one grid; DICOM's axes go to left and back, an affine's do not."""
    first, last = slices[0], slices[-1]
    affine = np.eye(4)
    affine[:3, 0] = (last.position - first.position) / (len(slices) - 1)
    affine[:3, 1] = first.columns * first.spacing[0]
    affine[:3, 2] = first.rows * first.spacing[1]
    affine[:3, 3] = first.position
    return VolumeGrid(np.stack(planes), np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine)
