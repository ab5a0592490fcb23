"""Volumes: NIfTI and DICOM give the same voxels in the same orientation, or a reason."""

import gzip
from importlib.util import find_spec
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from radkg.archive.images.pixels import read_image
from radkg.archive.images.volume import Window, read_volume
from radkg.errors import ArchiveError, ConfigError
from tests.archive.images.test_pixels import dicom

AXIAL = (1, 0, 0, 0, 1, 0)
LUNG = Window(level=-600, width=1500)
DEPTH, HEIGHT, WIDTH = 6, 20, 24


def make_scan() -> np.ndarray:
    """Return Hounsfield units (D, H, W) without any symmetry."""
    d, h, w = np.mgrid[:DEPTH, :HEIGHT, :WIDTH]
    return (-1000 + 100 * d + 30 * h + 7 * w).astype(np.int16)


def describe(path: Path) -> str:
    """Return the shape of a volume, or why it is refused."""
    try:
        found = read_volume(str(path))
    except ArchiveError as error:
        return str(error)
    return str(found.shape)


def write_series(
    folder: Path, scan: np.ndarray, step=2.0, start=-50.0, plane=AXIAL, drop=(), **elements
) -> Path:
    """Write a CT as slices along `plane`; names and instance numbers say nothing of their order."""
    folder.mkdir(parents=True, exist_ok=True)
    rows, columns = np.array(plane[:3], float), np.array(plane[3:], float)
    normal = np.cross(rows, columns)
    for i, values in enumerate(scan):
        if i in drop:
            continue
        own = {
            key: value[i] if isinstance(value, dict) else value for key, value in elements.items()
        }
        where = normal * (start + step * i)
        described = {
            "Modality": "CT",
            "SeriesInstanceUID": "1.2.3",
            "ImagePositionPatient": [float(x) for x in where],
            "ImageOrientationPatient": list(plane),
            "PixelSpacing": [0.5, 0.7],
            "RescaleSlope": 1,
            "RescaleIntercept": -1024,
        }
        stored = (values + 1024).astype(np.uint16)
        dicom(folder / f"{(7 * i) % 31:02d}.dcm", stored, **described | own)
    return folder


def write_nifti(path: Path, scan: np.ndarray, codes=("R", "A", "S")) -> Path:
    """Write a scan (D, H, W), which goes to head, back and left, with its axes as the codes say."""
    lps = scan.transpose(2, 1, 0)  # to left, back, head
    image = nibabel.Nifti1Image(lps, np.diag([-0.7, -0.5, 2.0, 1.0]))
    stored = nibabel.orientations.io_orientation(image.affine)
    wanted = nibabel.orientations.axcodes2ornt(codes)
    nibabel.save(image.as_reoriented(nibabel.orientations.ornt_transform(stored, wanted)), path)
    return path


@pytest.mark.parametrize("codes", ["RAS", "LPS", "PIR", "SAL"])
def test_a_nifti_volume_is_axial_whatever_the_order_of_its_axes(tmp_path, codes):
    scan = make_scan()
    found = read_volume(str(write_nifti(tmp_path / "a.nii.gz", scan, tuple(codes))), LUNG)
    assert found.dtype == np.float32
    assert found == pytest.approx(np.clip((scan + 1350) / 1500, 0, 1), abs=1e-6)


def test_a_series_is_sorted_by_where_its_slices_lie(tmp_path):
    scan = make_scan()
    folder = write_series(tmp_path / "s", scan)
    found = read_volume(str(folder), LUNG)
    assert found == pytest.approx(np.clip((scan + 1350) / 1500, 0, 1), abs=1e-6)


def test_a_series_is_the_volume_that_its_nifti_is(tmp_path):
    scan = make_scan()
    path = write_nifti(tmp_path / "a.nii", scan)
    same = read_volume(str(path))
    assert np.array_equal(read_volume(str(write_series(tmp_path / "s", scan))), same)
    # coronal slices: rows go to the left, columns to the feet, slices to the back
    coronal = scan.transpose(1, 0, 2)[:, ::-1]
    plane = (1, 0, 0, 0, 0, -1)
    assert np.array_equal(
        read_volume(str(write_series(tmp_path / "c", coronal, step=0.5, plane=plane))), same
    )


def test_without_a_window_the_percentiles_become_0_and_1(tmp_path):
    scan = make_scan()
    scan[0, 0, 0] = 30_000  # one voxel of metal does not make the rest dark
    found = read_volume(str(write_nifti(tmp_path / "a.nii", scan)))
    low, high = np.percentile(scan, (0.5, 99.5))
    assert found == pytest.approx(np.clip((scan - low) / (high - low), 0, 1), abs=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"drop": (3,)}, r"slices are missing between .* \(4.00 mm, elsewhere 2.00\)"),
        ({"step": 0.0}, "lie at one place"),
        ({"SeriesInstanceUID": dict(enumerate("112111"))}, "mixes two series"),
        ({"Modality": dict(enumerate(["CT"] * 5 + ["MR"]))}, "mixes two modalities"),
        ({"Modality": "CR"}, "no slice of a volume: its modality is CR"),
        ({"ImagePositionPatient": None}, None),
        ({"PixelSpacing": [0.0, 1.0]}, "orientation or spacing that is none"),
        ({"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]}, "orientation or spacing that is none"),
        ({"PhotometricInterpretation": "MONOCHROME1"}, "no grey image"),
        (
            {"ImageOrientationPatient": {i: [1, 0, 0, 0, i < 5, i == 5] for i in range(DEPTH)}},
            "not parallel",
        ),
        (
            {"ImagePositionPatient": {i: [0, i, 2 * i] for i in range(DEPTH)}},
            "shifted against each other",
        ),
        (
            {"ImagePositionPatient": {i: [0, 0, i + (i == 4) / 2] for i in range(DEPTH)}},
            "slices are missing|unevenly spaced",
        ),
        ({"PixelSpacing": dict(enumerate([[1, 1]] * 5 + [[2, 2]]))}, "differ in their pixel spac"),
    ],
)
def test_a_series_that_is_no_volume_is_refused(tmp_path, changes, message):
    if message is None:
        changes, message = {}, "does not say where it lies .ImagePositionPatient"
        folder = write_series(tmp_path / "s", make_scan())
        file = sorted(folder.iterdir())[2]
        dataset = pydicom.dcmread(file)
        del dataset.ImagePositionPatient
        dataset.save_as(file)
    else:
        folder = write_series(tmp_path / "s", make_scan(), **changes)
    with pytest.raises(ArchiveError, match=message):
        read_volume(str(folder))


def test_a_folder_holds_slices_and_nothing_else(tmp_path):
    folder = write_series(tmp_path / "s", make_scan())
    (folder / "notes.txt").write_text("a tilted patient")
    with pytest.raises(ArchiveError, match=r"notes.txt is no DICOM file"):
        read_volume(str(folder))
    (folder / "notes.txt").unlink()
    write_series(folder / "below", make_scan())
    with pytest.raises(ArchiveError, match="holds the folder below"):
        read_volume(str(folder))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArchiveError, match="empty folder"):
        read_volume(str(tmp_path / "empty"))


def write_frames(path: Path, scan: np.ndarray, *, says_where: bool = True) -> Path:
    """Write a scan as one enhanced CT file whose frames stand in another order."""
    order = np.random.default_rng(0).permutation(len(scan))
    dicom(path, (scan[order[0]] + 1024).astype(np.uint16), Modality="CT", NumberOfFrames=len(scan))
    dataset = pydicom.dcmread(path)
    dataset.PixelData = (scan[order] + 1024).astype(np.uint16).tobytes()

    def nest(name: str, **elements) -> Dataset:
        inner, outer = Dataset(), Dataset()
        for key, value in elements.items():
            setattr(inner, key, value)
        setattr(outer, name, Sequence([inner]))
        return outer

    shared = nest("PixelMeasuresSequence", PixelSpacing=[0.5, 0.7])
    shared.update(nest("PlaneOrientationSequence", ImageOrientationPatient=list(AXIAL)))
    frames = []
    for i in order:
        frame = nest("PlanePositionSequence", ImagePositionPatient=[0.0, 0.0, 2.0 * i])
        scale = {"RescaleSlope": 1.0, "RescaleIntercept": -1024.0}
        frame.update(nest("PixelValueTransformationSequence", **scale))
        frames.append(frame)
    dataset.SharedFunctionalGroupsSequence = Sequence([shared])
    if says_where:
        dataset.PerFrameFunctionalGroupsSequence = Sequence(frames)
    dataset.save_as(path)
    return path


def test_a_file_of_many_frames_is_a_volume_where_it_says_how_they_lie(tmp_path):
    scan = make_scan()
    found = read_volume(str(write_frames(tmp_path / "a.dcm", scan)), LUNG)
    assert found == pytest.approx(np.clip((scan + 1350) / 1500, 0, 1), abs=1e-6)
    with pytest.raises(ArchiveError, match="6 frames and does not say where they lie"):
        read_volume(str(write_frames(tmp_path / "b.dcm", scan, says_where=False)))


def test_a_2d_image_is_no_volume_and_a_volume_no_2d_image(tmp_path):
    one = dicom(tmp_path / "one.dcm", Modality="CT")
    with pytest.raises(ArchiveError, match="2D image: a volume is a folder of its slices"):
        read_volume(str(one))
    (tmp_path / "x.png").write_bytes(b"\x89PNG")
    with pytest.raises(ArchiveError, match="is no volume: give a NIfTI file, or a folder"):
        read_volume(str(tmp_path / "x.png"))
    flat = write_nifti(tmp_path / "flat.nii", make_scan()[:1])
    with pytest.raises(ArchiveError, match="is a 2D image"):
        read_volume(str(flat))
    with pytest.raises(ArchiveError, match=r"is a volume \(NIfTI\): a 2D image is wanted"):
        read_image(str(write_nifti(tmp_path / "a.nii.gz", make_scan())))
    with pytest.raises(ArchiveError, match="6 frames"):
        read_image(str(write_frames(tmp_path / "a.dcm", make_scan())))


@pytest.mark.parametrize(
    ("values", "changes", "message"),
    [
        (np.ones((8, 8, 8), np.int16), {}, "no contrast"),
        (np.full((8, 8, 8), np.nan, np.float32), {}, "NaN or infinity"),
        (np.ones((8, 8, 8), np.complex64), {}, "complex numbers"),
        (np.ones((8, 8, 8, 3), np.int16), {}, "several volumes in one"),
        (np.ones((8, 8, 3), np.int16), {}, "less than 4 a side"),
        (np.ones((8, 8, 8), np.int16), {"qform_code": 0, "sform_code": 0}, "left and right"),
        (np.ones((8, 8, 8), np.int16), {"dim": [3, 4000, 4000, 4000, 1, 1, 1, 1]}, "million"),
        (np.ones((8, 8, 8), np.int16), {"dim": [3, 80, 80, 80, 1, 1, 1, 1]}, "is damaged"),
    ],
)
def test_a_nifti_that_says_something_impossible_is_refused(tmp_path, values, changes, message):
    data = bytearray(nibabel.Nifti1Image(values, np.eye(4)).to_bytes())
    header = nibabel.Nifti1Header(bytes(data[:348]))
    for key, value in changes.items():
        header[key] = value
    data[:348] = header.binaryblock
    path = tmp_path / "a.nii"
    path.write_bytes(data)
    with pytest.raises(ArchiveError, match=message):
        read_volume(str(path))


def test_a_gzip_that_unfolds_without_end_or_is_cut_is_refused(tmp_path):
    whole = write_nifti(tmp_path / "a.nii.gz", make_scan()).read_bytes()
    (tmp_path / "cut.nii.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "bomb.nii.gz").write_bytes(gzip.compress(bytes(100 << 20)))
    for name in ("cut", "bomb"):
        with pytest.raises(ArchiveError, match="is a damaged gzip"):
            read_volume(str(tmp_path / f"{name}.nii.gz"))


def test_damage_is_an_error_that_names_the_file(tmp_path):
    rng = np.random.default_rng(0)
    whole = write_nifti(tmp_path / "a.nii", make_scan()).read_bytes()
    path = tmp_path / "b.nii"
    refused = 0
    for _ in range(150):
        data = bytearray(whole)
        for at in rng.integers(0, 348, 3):
            data[at] = rng.integers(0, 256)
        path.write_bytes(data)
        said = describe(path)
        assert said[0] == "(" or "b.nii" in said, said
        refused += said[0] != "("
    assert 30 < refused < 150


@pytest.mark.parametrize(("level", "width"), [(0, 0), (0, -1), (float("nan"), 1)])
def test_a_window_has_a_width(level, width):
    with pytest.raises(ConfigError, match="shows nothing"):
        Window(level, width)


REAL = {
    "nibabel:anatomical.nii": "(25, 41, 33)",
    "nibabel:reoriented_anat_moved.nii": "(22, 26, 21)",
    "nibabel:functional.nii": "several volumes in one (17 x 21 x 3 x 20)",
    "nibabel:example4d.nii.gz": "several volumes in one (128 x 96 x 24 x 2)",
    "nibabel:nifti1.hdr": "one file of a pair",
    "nibabel:0.dcm": "2D image",
    "pydicom:98892001/CT5N": "(5, 16, 16)",
    "pydicom:98892001/CT2N": "2 x 16 x 16 voxels",
    "pydicom:77654033/CT2": "missing between 17106 and 17136 (202.50 mm, elsewhere 1.25)",
    "pydicom:98892003/MR1": "mixes two series",
    "pydicom:98892003/MR700": "not parallel",
}


@pytest.mark.parametrize("name", REAL)
def test_real_scans_of_the_wheels_are_read_or_refused(name):
    package, _, rest = name.partition(":")
    (root,) = find_spec(package).submodule_search_locations
    below = {"nibabel": "tests/data", "pydicom": "data/test_files/dicomdirtests"}[package]
    path = Path(root) / below / rest
    assert REAL[name] in describe(path)
