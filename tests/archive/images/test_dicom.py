"""DICOM files of many makers: those of pydicom's wheels, and those that say something impossible.

Run as a program, this file writes the table of what happens to each file of the wheels:

    python -m tests.archive.images.test_dicom
"""

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.pixels.processing import apply_color_lut
from pydicom.uid import JPEGLSLossless

from radkg.archive.images.pixels import read_image, read_radiograph
from radkg.errors import ArchiveError
from tests.archive.images.test_pixels import RAMP, dicom
from tests.support.archives.data import require_data

TABLE = Path(__file__).with_name("dicom_files.json")
STORED = RAMP.astype(np.uint16) * 16  # 12 bits


def find_wheel(package: str) -> Path:
    return Path(find_spec(package).submodule_search_locations[0])


def list_files() -> dict[str, Path]:
    """Return the DICOM files of pydicom's wheels by their name below the wheel's data."""
    roots = [find_wheel("pydicom") / "data" / "test_files", find_wheel("data_store") / "data"]
    return {
        path.relative_to(root).as_posix(): path
        for root in roots
        for path in sorted(root.rglob("*"))
        if path.is_file() and (path.read_bytes()[128:132] == b"DICM" or path.suffix == ".dcm")
    }


def describe(path: Path) -> str:
    """Return "read" with the shape, or the refusal without the file's place."""
    try:
        return "read {} x {}".format(*read_image(str(path)).shape)
    except ArchiveError as error:
        return str(error).replace(str(path), "FILE")


def test_every_file_of_the_wheels_is_read_or_refused_with_the_reason_of_the_table():
    table = json.loads(TABLE.read_text())
    assert {name: describe(path) for name, path in list_files().items()} == table
    read = [name for name, verdict in table.items() if verdict.startswith("read")]
    assert len(read) > len(table) / 2


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("MR_small.dcm", f"MR_small_{kind}.dcm")
        for kind in ("RLE", "implicit", "bigendian", "expb", "jp2klossless", "jpeg_ls_lossless")
    ]
    + [("SC_rgb.dcm", f"SC_rgb_{kind}.dcm") for kind in ("rle", "jpeg_gdcm", "16bit", "32bit")]
    + [("JPEG2000_UNC.dcm", "JPEG2000.dcm")],  # lossy
)
def test_compressed_pixels_are_those_of_the_file_before_it_was_compressed(name, same):
    files = {path.name: path for path in list_files().values()}
    one, other = read_image(str(files[name])), read_image(str(files[same]))
    assert np.abs(one - other).max() < (0.03 if same == "JPEG2000.dcm" else 0.01)


def test_a_palette_is_looked_up():
    files = list_files()
    path = files["examples_palette.dcm"]
    dataset = pydicom.dcmread(path)
    colours = apply_color_lut(dataset.pixel_array, dataset).astype(float)
    grey = colours @ [0.299, 0.587, 0.114]
    expected = (grey - grey.min()) / (grey.max() - grey.min())
    assert read_image(str(path)) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    "elements",
    [
        {"WindowCenter": 1800, "WindowWidth": 0},
        {"WindowCenter": 1800, "WindowWidth": 0.5},
        {"WindowCenter": 1800, "WindowWidth": -400},
        {"WindowCenter": 1800},
        {"WindowWidth": 400},
        {"WindowCenter": 2040, "WindowWidth": 4081, "VOILUTFunction": "CUBIC"},
        {"RescaleSlope": None, "RescaleIntercept": None},
        {"RescaleSlope": 0, "RescaleIntercept": 5},
        {"RescaleSlope": 2, "RescaleIntercept": None},
        {"WindowCenter": [0, 2040], "WindowWidth": [0, 4081]},
    ],
)
def test_a_window_or_slope_that_can_be_none_is_left_out(elements, tmp_path):
    path = dicom(tmp_path / "image.dcm", STORED, BitsStored=12, HighBit=11)
    dataset = pydicom.dcmread(path)
    for name, value in elements.items():
        setattr(dataset, name, value)
    dataset.save_as(path)
    assert read_image(str(path)) == pytest.approx(RAMP / 255, abs=1e-3)


def test_pixels_in_the_high_bits_are_shifted_and_a_high_bit_that_lies_is_ignored(tmp_path):
    noise = np.random.default_rng(0).integers(0, 16, RAMP.shape).astype(np.uint16)
    high = dicom(tmp_path / "high.dcm", STORED * 16 + noise, BitsStored=12, HighBit=15)
    lies = dicom(tmp_path / "lies.dcm", STORED, BitsStored=12, HighBit=15)
    for path in (high, lies):
        assert read_image(str(path)) == pytest.approx(RAMP / 255, abs=1e-3)


def test_a_file_without_preamble_or_meta_is_read_by_what_it_holds(tmp_path):
    whole = dicom(tmp_path / "image.dcm", STORED, Modality="DX").read_bytes()
    dataset = pydicom.dcmread(tmp_path / "image.dcm")
    start = 132 + 12 + dataset.file_meta.FileMetaInformationGroupLength
    for name, data in {
        "magic": whole[128:],
        "meta": whole[132:],
        "elements": whole[start:],
    }.items():
        path = tmp_path / name  # no suffix: known by its first bytes
        path.write_bytes(data)
        assert read_image(str(path)) == pytest.approx(RAMP / 255, abs=1e-3)


def test_compressed_pixels_without_a_transfer_syntax_are_refused(tmp_path):
    source = next(p for p in list_files().values() if p.name == "MR_small_jpeg_ls_lossless.dcm")
    dataset = pydicom.dcmread(source)
    assert dataset.file_meta.TransferSyntaxUID == JPEGLSLossless
    start = 132 + 12 + dataset.file_meta.FileMetaInformationGroupLength
    path = tmp_path / "image.dcm"
    path.write_bytes(source.read_bytes()[start:])
    with pytest.raises(ArchiveError, match="does not say how its pixels are compressed"):
        read_image(str(path))


def test_a_deflated_file_is_refused_and_one_that_names_the_syntax_elsewhere_is_read(tmp_path):
    path = dicom(tmp_path / "image.dcm", ImageComments="not 1.2.840.10008.1.2.1.99")
    assert read_image(str(path)).shape == RAMP.shape
    deflated = list_files()["image_dfl.dcm"]
    for data in (deflated.read_bytes(), deflated.read_bytes()[132:]):
        (tmp_path / "deflated.dcm").write_bytes(data)
        with pytest.raises(ArchiveError, match="deflated"):
            read_image(str(tmp_path / "deflated.dcm"))


def test_a_frame_larger_than_its_header_is_refused(tmp_path):
    for name in (
        "MR_small_jpeg_ls_lossless.dcm",
        "SC_rgb_jpeg_gdcm.dcm",
        "MR_small_jp2klossless.dcm",
    ):
        source = next(p for p in list_files().values() if p.name == name)
        dataset = pydicom.dcmread(source)
        dataset.Rows = dataset.Columns = 20
        dataset.save_as(tmp_path / name)
        with pytest.raises(ArchiveError, match="declares 20 x 20 px and holds"):
            read_image(str(tmp_path / name))


@pytest.mark.parametrize("seed", range(5))
def test_damage_in_a_lossless_jpeg_ends_no_process(seed, tmp_path):
    """GDCM aborts on some of these: it decodes in a process of its own."""
    source = next(p for p in list_files().values() if p.name == "JPEG-LL.dcm")
    data = bytearray(source.read_bytes())
    start = data.index(b"\xff\xd8\xff")
    rng = np.random.default_rng(seed)
    for place in rng.integers(start, start + 600, 20):
        data[place] = int(rng.integers(256))
    (tmp_path / "image.dcm").write_bytes(data)
    try:
        assert read_image(str(tmp_path / "image.dcm")).ndim == 2
    except ArchiveError as error:
        assert "image.dcm" in str(error)  # noqa: PT017


def test_another_modality_is_no_radiograph_for_a_model(tmp_path):
    for modality in ("CT", "US", "MR"):
        path = str(dicom(tmp_path / "image.dcm", Modality=modality))
        assert read_image(path).shape == RAMP.shape
        with pytest.raises(ArchiveError, match=f"no radiograph: its modality is {modality}"):
            read_radiograph(path)
    for modality in ("CR", "DX", "OT", ""):
        path = str(dicom(tmp_path / "image.dcm", Modality=modality))
        assert read_radiograph(path).shape == RAMP.shape


def test_the_files_that_failed_are_read():
    directory = require_data("cases/inputs/dcm")
    inverted = read_image(str(directory / "palette_inverted_grey.dcm"))
    assert (inverted[0, 0], inverted[-1, -1]) == (1, 0)
    others = [p for p in sorted(directory.iterdir()) if p.name != "palette_inverted_grey.dcm"]
    assert len(others) >= 8
    for path in others:
        pixels = read_image(str(path))
        assert (pixels[0, 0], pixels[-1, -1]) == (0, 1)
        assert np.all(np.diff(pixels[0]) > 0), path


if __name__ == "__main__":
    verdicts = {name: describe(path) for name, path in list_files().items()}
    TABLE.write_text(json.dumps(verdicts, indent=1, sort_keys=True) + "\n")
