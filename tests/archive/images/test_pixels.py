"""Images of every kind are read as grey values; what is none is refused with a reason."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

from radkg.archive.images.limits import MAX_PIXELS
from radkg.archive.images.pixels import read_image
from radkg.errors import ArchiveError
from tests.support.archives.data import require_data

RAMP = np.linspace(0, 255, 32 * 24).reshape(32, 24).astype(np.uint8)


def make_image(array: np.ndarray = RAMP, mode: str = "L") -> Image.Image:
    return Image.fromarray(array).convert(mode)


def dicom(path: Path, stored: np.ndarray = RAMP, **elements: object) -> Path:
    """Write an uncompressed DICOM image; `elements` are set last, None deletes."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset = FileDataset(path, {}, file_meta=meta, preamble=b"\0" * 128)
    bits = stored.dtype.itemsize * 8
    dataset.Rows, dataset.Columns = stored.shape[:2]
    dataset.SamplesPerPixel = 1 if stored.ndim == 2 else 3
    if stored.ndim == 3:
        dataset.PlanarConfiguration = 0
    dataset.PhotometricInterpretation = "MONOCHROME2" if stored.ndim == 2 else "RGB"
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit = bits - 1
    dataset.PixelRepresentation = 0
    dataset.add_new(0x7FE00010, "OW" if bits > 8 else "OB", stored.tobytes())
    for name, value in elements.items():
        if value is None:
            delattr(dataset, name)
        else:
            setattr(dataset, name, value)
    dataset.save_as(path, enforce_file_format=True)
    return path


def png_header(path: Path, width: int, height: int) -> Path:
    """Write a PNG that declares a size and holds no pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    )
    return path


@pytest.mark.parametrize(
    ("suffix", "mode"),
    [(".png", m) for m in ("L", "RGB", "RGBA", "LA", "P")]
    + [(".jpg", m) for m in ("L", "RGB", "CMYK")],
)
def test_every_mode_becomes_the_same_grey(mode: str, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"image{suffix}"
    make_image(mode=mode).save(path, **({"quality": 100} if suffix == ".jpg" else {}))
    pixels = read_image(str(path))
    assert pixels.dtype == np.float32
    assert pixels.shape == (32, 24)
    assert np.abs(pixels - RAMP / 255).max() < (0.03 if suffix == ".jpg" else 0.005)


def test_a_one_bit_image_is_black_and_white(tmp_path: Path) -> None:
    make_image(mode="1").save(tmp_path / "image.png")
    assert set(np.unique(read_image(str(tmp_path / "image.png")))) == {0.0, 1.0}


def test_colours_weigh_as_the_eye_sees_them(tmp_path: Path) -> None:
    colours = np.zeros((20, 60, 3), np.uint8)
    for i in range(3):
        colours[:, 20 * i : 20 * (i + 1), i] = 255
    Image.fromarray(colours).save(tmp_path / "image.png")
    pixels = read_image(str(tmp_path / "image.png"))
    assert pixels[10, [10, 30, 50]] == pytest.approx([0.299, 0.587, 0.114], abs=1e-6)


def test_what_is_transparent_is_black(tmp_path: Path) -> None:
    image = make_image(mode="RGBA")
    image.putalpha(Image.fromarray(np.where(RAMP > 100, 255, 0).astype(np.uint8)))
    image.save(tmp_path / "image.png")
    pixels = read_image(str(tmp_path / "image.png"))
    assert pixels[RAMP <= 100].max() == 0
    assert pixels[RAMP > 100] == pytest.approx(RAMP[RAMP > 100] / 255, abs=1e-6)


def test_sixteen_bits_are_kept(tmp_path: Path) -> None:
    stored = np.arange(32 * 24, dtype=np.uint16).reshape(32, 24) + 30_000
    Image.fromarray(stored).save(tmp_path / "image.png")
    pixels = read_image(str(tmp_path / "image.png"))
    assert len(np.unique(pixels)) == 32 * 24
    assert pixels[0, 0] == pytest.approx(30_000 / 65_535)


def test_the_exif_orientation_is_respected(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90 degrees clockwise
    make_image().save(tmp_path / "image.jpg", exif=exif, quality=100)
    pixels = read_image(str(tmp_path / "image.jpg"))
    assert pixels.shape == (24, 32)
    assert np.abs(pixels - np.rot90(RAMP, -1) / 255).max() < 0.03


@pytest.mark.parametrize("kind", ["MONOCHROME1", "MONOCHROME2"])
def test_dicom_is_white_where_the_film_is(kind: str, tmp_path: Path) -> None:
    stored = RAMP.astype(np.uint16) * 16
    path = dicom(tmp_path / "image.dcm", stored, PhotometricInterpretation=kind)
    expected = RAMP / 255 if kind == "MONOCHROME2" else 1 - RAMP / 255
    assert read_image(str(path)) == pytest.approx(expected, abs=1e-4)


def test_a_dicom_window_is_applied(tmp_path: Path) -> None:
    path = dicom(tmp_path / "image.dcm", WindowCenter=128, WindowWidth=64)
    pixels = read_image(str(path))
    assert (pixels[RAMP < 95] == 0).all()
    assert (pixels[RAMP > 161] == 1).all()
    assert pixels[RAMP == 128] == pytest.approx(0.5, abs=0.02)


def test_a_colour_dicom_becomes_grey(tmp_path: Path) -> None:
    path = dicom(tmp_path / "image.dcm", np.stack([RAMP] * 3, axis=-1))
    assert read_image(str(path)) == pytest.approx(RAMP / 255, abs=1e-3)


def refused(path: Path) -> str:
    with pytest.raises(ArchiveError) as caught:
        read_image(str(path))
    assert str(path) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("size", [(1, 1), (400, 15), (15, 400)])
def test_a_tiny_image_is_refused(size: tuple[int, int], tmp_path: Path) -> None:
    Image.new("L", size).save(tmp_path / "image.png")
    assert "less than 16 a side" in refused(tmp_path / "image.png")


def test_an_image_without_contrast_is_refused(tmp_path: Path) -> None:
    Image.new("L", (64, 64), 77).save(tmp_path / "image.png")
    assert "no contrast" in refused(tmp_path / "image.png")
    flat = np.full((32, 32), 900, np.uint16)
    assert "no contrast" in refused(dicom(tmp_path / "image.dcm", flat))


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("size", [(8_001, 8_000), (12_000, 10_000), (100_000, 100_000)])
def test_a_huge_image_is_refused_by_its_header(size: tuple[int, int], tmp_path: Path) -> None:
    assert size[0] * size[1] > MAX_PIXELS
    assert "export it smaller" in refused(png_header(tmp_path / "image.png", *size))


def test_a_huge_dicom_is_refused_by_its_header(tmp_path: Path) -> None:
    path = dicom(tmp_path / "image.dcm", Rows=9_000, Columns=9_000)
    assert "export it smaller" in refused(path)


@pytest.mark.parametrize("name", ["image.jpg", "image.png", "image.dcm"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_truncated_file_is_refused(name: str, share: float, tmp_path: Path) -> None:
    path = tmp_path / name
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    if path.suffix == ".dcm":
        dicom(path, noise)
    else:
        Image.fromarray(noise).save(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    refused(path)


def test_a_png_with_a_wrong_checksum_is_refused(tmp_path: Path) -> None:
    make_image().save(tmp_path / "image.png")
    data = bytearray((tmp_path / "image.png").read_bytes())
    data[len(data) // 2] ^= 0xFF
    (tmp_path / "image.png").write_bytes(data)
    assert "damaged" in refused(tmp_path / "image.png")


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    for name in ("note.txt", "image.jpg", "image.png"):
        (tmp_path / name).write_text("no image " * 50)
        assert "no JPEG, PNG or DICOM" in refused(tmp_path / name)
    (tmp_path / "image.dcm").write_text("no image " * 50)
    assert "no DICOM" in refused(tmp_path / "image.dcm")
    (tmp_path / "empty.png").touch()
    assert "empty" in refused(tmp_path / "empty.png")
    make_image().save(tmp_path / "image.bmp")
    assert "no JPEG, PNG or DICOM" in refused(tmp_path / "image.bmp")
    assert "holds no image" in refused(dicom(tmp_path / "report.dcm", Rows=None, Columns=None))
    refused(dicom(tmp_path / "pixels.dcm", PixelData=None))


def test_several_frames_are_refused(tmp_path: Path) -> None:
    frames = [make_image(), make_image(255 - RAMP)]
    frames[0].save(tmp_path / "image.png", save_all=True, append_images=frames[1:])
    assert "2 frames" in refused(tmp_path / "image.png")
    path = dicom(tmp_path / "image.dcm", np.stack([RAMP] * 3, axis=-1), NumberOfFrames=3)
    assert "3 frames" in refused(path)


def test_a_missing_file_and_a_directory_are_refused(tmp_path: Path) -> None:
    assert "No such file" in refused(tmp_path / "absent.png")
    assert "directory" in refused(tmp_path)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("RG1_J2KI.dcm", (1955, 1841)),
        ("siim_1.2.276.0.7230010.3.1.4.8323329.6904.1517875201.850819.dcm", (1024, 1024)),
    ],
)
def test_real_dicoms_have_bright_bones_and_dark_air(name: str, shape: tuple[int, int]) -> None:
    path = require_data("dicom") / name
    pixels = read_image(str(path))
    assert pixels.shape == shape
    assert (pixels.min(), pixels.max()) == (0, 1)
    height, width = shape
    middle = pixels[height // 2 :, width // 2 - 50 : width // 2 + 50]  # spine and abdomen
    corners = np.concatenate([pixels[:60, :60].ravel(), pixels[:60, -60:].ravel()])  # air
    assert np.median(middle) > np.median(corners) + 0.2
    assert pydicom.dcmread(path, stop_before_pixels=True).Modality in ("CR", "DX")


def test_real_jpegs_are_read() -> None:
    paths = sorted(require_data("openi/images").iterdir())[:5]
    for path in paths:
        pixels = read_image(str(path))
        assert pixels.shape == (256, 256)
        assert pixels.max() - pixels.min() > 0.5
