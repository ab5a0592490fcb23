"""A small archive in Open-i's layout with invented reports that were coded, in both splits."""

from importlib.resources import files
from pathlib import Path

import numpy as np
from PIL import Image

from radkg.archive import open_archive
from tests.support.archives.openi import make_xml, write_tar

# sentence, its codes; `normal` has no triplet
KINDS = [
    ("Small left pleural effusion.", ("Pleural Effusion/left/small",)),
    ("The heart is mildly enlarged.", ("Cardiomegaly/mild",)),
    ("The heart size is normal. No pleural effusion.", ("normal",)),
    ("There is an opacity in the right lung base.", ("Opacity/lung/base/right",)),
]
NUM_TRAIN, NUM_TEST = 120, 24


def coded_archive(path: Path) -> Path:
    """Write 120 training and 24 test studies, every text of its own; return the path."""
    lines = files("radkg.archive.formats").joinpath("openi_test.txt").read_text().splitlines()
    test = [int(n) for line in lines if line[:1] != "#" for n in line.split()]
    train = [n for n in range(1, 4000) if n not in set(test)]
    members = {}
    for i, number in enumerate([*train[:NUM_TRAIN], *test[:NUM_TEST]]):
        sentence, codes = KINDS[i % len(KINDS)]
        text = f"{sentence} Rib {number} is intact."
        members[f"{number}.xml"] = make_xml(number, text, "", codes, images=(f"CXR{number}_IM-1",))
    return write_tar(path, members)


def write_coded_images(archive: Path, folder: Path) -> Path:
    """Write an image of 32 px for each study, bright where its kind has its quarter."""
    rng = np.random.default_rng(0)
    for number, record in enumerate(open_archive(str(archive)).index().to_pylist()):
        for image in record["images"]:
            pixels = rng.integers(0, 60, (32, 32), np.uint8)
            pixels[:, 8 * (number % len(KINDS)) :][:, :8] += 180
            Image.fromarray(pixels).save(folder / f"{image['image_id']}.png")
    return folder
