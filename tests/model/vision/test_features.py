"""Features are computed once per content, survive a kill, and a bad image is a reason."""

import multiprocessing
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from radkg.archive.images.pixels import read_image
from radkg.errors import StorageError
from radkg.model.vision import features
from radkg.model.vision.features import FeatureCache


class Means:
    """An encoder that counts what it looks at: mean and standard deviation of an image."""

    name, dim = "means", 2

    def __init__(self, encoder_id: str = "means-1") -> None:
        self.encoder_id = encoder_id
        self.seen = 0

    def __call__(self, pixels: Sequence[np.ndarray]) -> Tensor:
        self.seen += len(pixels)
        return torch.tensor([[p.mean(), p.std()] for p in pixels]).reshape(-1, 2)


def write_images(folder: Path, count: int, first: int = 0) -> dict[str, str]:
    """Write images of different brightness; return locations by image id."""
    folder.mkdir(exist_ok=True)
    locations = {}
    for i in range(first, first + count):
        array = np.linspace(i % 50, 200, 20 * 20).reshape(20, 20).astype(np.uint8)
        array[0, 0] = i % 251
        Image.fromarray(array).save(folder / f"{i}.png")
        locations[f"image-{i}"] = str(folder / f"{i}.png")
    return locations


@pytest.mark.parametrize("on_disk", [True, False])
def test_an_image_is_seen_once(on_disk: bool, tmp_path: Path) -> None:
    cache = FeatureCache(str(tmp_path / "cache") if on_disk else None, read_image)
    locations = write_images(tmp_path / "images", 5)
    encoder = Means()
    found, failures = cache.compute_features(encoder, locations)
    assert failures == {}
    assert list(found) == list(locations)
    for image_id, location in locations.items():
        assert found[image_id].tolist() == Means()([read_image(location)])[0].tolist()
    again, _ = cache.compute_features(encoder, locations)
    assert encoder.seen == 5
    assert all(torch.equal(again[i], found[i]) for i in found)
    assert (tmp_path / "cache").exists() == on_disk


def test_another_process_finds_what_was_computed(tmp_path: Path) -> None:
    locations = write_images(tmp_path / "images", 3)
    FeatureCache(str(tmp_path / "cache"), read_image).compute_features(Means(), locations)
    late = Means()
    found, _ = FeatureCache(str(tmp_path / "cache"), read_image).compute_features(late, locations)
    assert late.seen == 0
    assert len(found) == 3


def test_content_decides_not_the_name(tmp_path: Path) -> None:
    locations = write_images(tmp_path / "images", 2)
    cache, encoder = FeatureCache(str(tmp_path / "cache"), read_image), Means()
    cache.compute_features(encoder, locations)
    moved = Path(locations["image-0"]).rename(tmp_path / "images" / "moved.png")
    found, _ = cache.compute_features(encoder, {"other-id": str(moved), "twin": str(moved)})
    assert encoder.seen == 2
    assert torch.equal(found["other-id"], found["twin"])
    write_images(tmp_path / "images", 1, first=7)
    (tmp_path / "images" / "7.png").rename(locations["image-1"])
    changed, _ = cache.compute_features(encoder, {"image-1": locations["image-1"]})
    assert encoder.seen == 3
    assert changed["image-1"].tolist() == Means()([read_image(locations["image-1"])])[0].tolist()


def test_another_encoder_has_its_own_features(tmp_path: Path) -> None:
    locations = write_images(tmp_path / "images", 2)
    cache, other = FeatureCache(str(tmp_path / "cache"), read_image), Means("means-2")
    cache.compute_features(Means(), locations)
    cache.compute_features(other, locations)
    assert other.seen == 2


def test_a_bad_image_has_a_reason(tmp_path: Path) -> None:
    locations = write_images(tmp_path / "images", 20)
    Path(locations["image-3"]).write_text("no image")
    Path(locations["image-18"]).unlink()
    cache, encoder = FeatureCache(str(tmp_path / "cache"), read_image), Means()
    found, failures = cache.compute_features(encoder, locations)
    assert len(found) == 18
    assert failures.keys() == {"image-3", "image-18"}
    assert "no JPEG, PNG or DICOM" in failures["image-3"]
    assert "No such file" in failures["image-18"]
    write_images(tmp_path / "images", 1, first=3)  # mended: found now
    found, failures = cache.compute_features(encoder, locations)
    assert "image-3" in found
    assert failures.keys() == {"image-18"}


def test_an_encoder_that_breaks_on_an_image_is_a_reason(tmp_path: Path) -> None:
    class Broken(Means):
        def __call__(self, pixels: Sequence[np.ndarray]) -> Tensor:
            rows = super().__call__(pixels)
            rows[0] = float("nan")
            return rows

    found, failures = FeatureCache(None, read_image).compute_features(
        Broken(), write_images(tmp_path / "images", 3)
    )
    assert len(found) == 2
    assert "NaN" in failures["image-0"]


def _compute(directory: str, locations: dict[str, str]) -> None:
    FeatureCache(directory, read_image).compute_features(Means(), locations)


def test_two_processes_share_a_directory(tmp_path: Path) -> None:
    locations = write_images(tmp_path / "images", 40)
    halves = [dict(list(locations.items())[a:b]) for a, b in ((0, 25), (15, 40))]
    context = multiprocessing.get_context("fork")
    processes = [
        context.Process(target=_compute, args=(str(tmp_path / "cache"), half)) for half in halves
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    late = Means()
    found, failures = FeatureCache(str(tmp_path / "cache"), read_image).compute_features(
        late, locations
    )
    assert (len(found), len(failures), late.seen) == (40, 0, 0)


def test_a_kill_loses_one_shard_at_most(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(features, "_SHARD", 4)
    locations = write_images(tmp_path / "images", 10)

    class Killed(Means):
        def __call__(self, pixels: Sequence[np.ndarray]) -> Tensor:
            if self.seen >= 8:
                raise KeyboardInterrupt
            return super().__call__(pixels)

    with pytest.raises(KeyboardInterrupt):
        FeatureCache(str(tmp_path / "cache"), read_image).compute_features(Killed(), locations)
    late = Means()
    FeatureCache(str(tmp_path / "cache"), read_image).compute_features(late, locations)
    assert late.seen == 2


def test_a_damaged_shard_is_named(tmp_path: Path) -> None:
    locations = write_images(tmp_path / "images", 2)
    FeatureCache(str(tmp_path / "cache"), read_image).compute_features(Means(), locations)
    shard = next((tmp_path / "cache").rglob("*.safetensors"))
    shard.write_bytes(shard.read_bytes()[:-5])
    with pytest.raises(StorageError, match=shard.name):
        FeatureCache(str(tmp_path / "cache"), read_image).compute_features(Means(), locations)
