"""How many radiographs a core decodes, and how many cores feed one H100 with them: one JSON.

    python tests/benchmarks/pictures.py

Pictures are made here at MIMIC-CXR's size (2,544 x 3,056 px); real DICOM files are added from
RADKG_TEST_DATA. Decoding is reading, decoding and shrinking to the encoder's square, as a worker
does it. The cores for an H100 are computed, not measured: what the published model costs a study in
FLOPs, at a share of the card's peak that is assumed.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless, generate_uid

from radkg.archive.images.pixels import read_image
from radkg.model.vision.preprocessing import Preprocessing

ROWS, COLUMNS, SIDE = 2544, 3056, 224
H100_FLOPS = 989e12  # dense bfloat16, NVIDIA's data sheet
SHARE = 0.4  # of the peak that a well-fed model reaches, assumed
ENCODER_FLOPS = 9e9  # of an image; Swin-T at 224 px (Liu et al. 2021: 4.5 G multiply-adds)
LANGUAGE_PARAMETERS = 464e6  # Qwen1.5-0.5B; two FLOPs a parameter and token
TOKENS = 400  # of a study: sentences, instructions and answers
IMAGES = 377_110 / 227_835  # of a study, MIMIC-CXR


def picture() -> np.ndarray:
    """Return (H, W) 12 bit: smooth shapes and the noise of a detector."""
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[-1 : 1 : ROWS * 1j, -1 : 1 : COLUMNS * 1j]
    shapes = 2400 * np.exp(-3 * (rows**2 + (columns - 0.3) ** 2)) + 900 * (columns + 1)
    return (shapes + random.normal(0, 25, shapes.shape)).clip(0, 4095).astype(np.uint16)


def dicom(path: Path, pixels: np.ndarray, syntax: str) -> None:
    """Write a computed radiograph of 12 bits."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    meta.MediaStorageSOPInstanceUID = generate_uid()
    file = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    file.Rows, file.Columns = pixels.shape
    file.SamplesPerPixel, file.PhotometricInterpretation = 1, "MONOCHROME2"
    file.BitsAllocated, file.BitsStored, file.HighBit, file.PixelRepresentation = 16, 12, 11, 0
    file.SOPClassUID = meta.MediaStorageSOPClassUID
    file.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    if syntax == JPEG2000Lossless:
        file.PixelData = encapsulate([_jpeg_2000(pixels)])
        meta.TransferSyntaxUID = syntax
    else:
        file.PixelData = pixels.tobytes()
    file.save_as(path, enforce_file_format=True)


def _jpeg_2000(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG2000", irreversible=False, no_jp2=True)
    return file.getvalue()


def write(folder: Path) -> dict[str, Path]:
    """Write one picture in each format; return the files by what they are."""
    pixels = picture()
    grey = Image.fromarray((pixels >> 4).astype(np.uint8))
    found = {}
    for name, options in (("jpg", {"quality": 95}), ("png", {})):
        found[name] = folder / f"a.{name}"
        grey.save(found[name], **options)
    found["png, 16 bit"] = folder / "b.png"
    Image.fromarray(pixels).save(found["png, 16 bit"])
    for name, syntax in (("plain", ExplicitVRLittleEndian), ("jpeg 2000", JPEG2000Lossless)):
        found[f"dicom, {name}"] = folder / f"{name}.dcm"
        dicom(found[f"dicom, {name}"], pixels, syntax)
    real = Path(os.environ.get("RADKG_TEST_DATA", "../shared/data")) / "dicom"
    return found | {f"real {path.name}": path for path in sorted(real.glob("*.dcm"))}


def compute_rate(path: Path, fit: Preprocessing, seconds: float) -> float:
    """Return how many times a second a picture becomes the encoder's input, on this core."""
    fit.make_square(read_image(str(path)))
    start, done = time.process_time(), 0
    while time.process_time() - start < seconds:
        fit.make_square(read_image(str(path)))
        done += 1
    return done / (time.process_time() - start)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="of processor time a format")
    options = parser.parse_args()
    torch.set_num_threads(1)
    fit = Preprocessing(side=SIDE)
    study_flops = IMAGES * ENCODER_FLOPS + TOKENS * 2 * LANGUAGE_PARAMETERS
    studies_per_s = SHARE * H100_FLOPS / study_flops
    with tempfile.TemporaryDirectory() as folder:
        rates, sizes = {}, {}
        for name, path in write(Path(folder)).items():
            rates[name] = round(compute_rate(path, fit, options.seconds), 1)
            sizes[name] = round(len(io.FileIO(path).readall()) / 1e6, 2)
    print(
        json.dumps(
            {
                "images_per_cpu_s": rates,
                "megabytes": sizes,
                "h100_studies_per_s_at_40_percent": round(studies_per_s),
                "cores_to_feed_it": {
                    name: round(studies_per_s * IMAGES / each) for name, each in rates.items()
                },
            }
        )
    )


if __name__ == "__main__":
    main()
