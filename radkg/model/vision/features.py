"""Features of a frozen encoder, computed once per image content and kept on disk.

One shard of safetensors per some hundred images, under the encoder's id, written whole or not at
all: a killed run loses one shard at most, and several processes may share a directory. The hash of
an image file's bytes is its key, so a moved or renamed file is found again, a changed one is not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any

import numpy.typing as npt
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from radkg.errors import RadkgError, StorageError
from radkg.model.vision.encoders import ImageEncoder
from radkg.storage import open_storage

_SHARD = 512  # images of one file
_READ_AT_ONCE = 16  # decoded images in memory; one radiograph may take 70 MB


class FeatureCache:
    """Features by image content and encoder; in memory alone where `directory` is None.

    Args:
        directory: a local path or an s3:// address.
        read: returns the grey pixels at a location, as radkg.archive.images.pixels.read_image does.
        read_bytes: returns the bytes of the image file there, as archive.files.located.read_bytes
            does; without it locations are local paths.
    """

    def __init__(
        self,
        directory: str | None,
        read: Callable[[str], npt.NDArray[Any]],
        read_bytes: Callable[[str], bytes] | None = None,
    ) -> None:
        self._storage = open_storage(directory) if directory is not None else None
        self._read = read
        self._read_bytes = read_bytes or (lambda location: Path(location).read_bytes())
        self._known: dict[str, dict[str, Tensor]] = {}  # encoder_id -> content hash -> (C,)
        self._shards: set[str] = set()  # names of those in memory

    def compute_features(
        self, encoder: ImageEncoder, locations: Mapping[str, str]
    ) -> tuple[dict[str, Tensor], dict[str, str]]:
        """Return features (C,) float32 by image id, and by image id why an image has none.

        Every image id of `locations` is in one of the two.

        Args:
            encoder: what looks at the images that are not known yet.
            locations: where each image is, by image id.

        Raises:
            StorageError: a shard is damaged, or could not be written.
        """
        known = self._load(encoder)
        failures: dict[str, str] = {}
        keys: dict[str, str] = {}
        new: dict[str, str] = {}  # content hash -> one location that has it
        for image_id, location in locations.items():
            try:
                data = self._read_bytes(location)
            except OSError as error:
                failures[image_id] = f"cannot read the image {location}: {error.strerror}"
                continue
            except RadkgError as error:
                failures[image_id] = str(error)
                continue
            keys[image_id] = blake2b(data, digest_size=16).hexdigest()
            if keys[image_id] not in known:
                new.setdefault(keys[image_id], location)
        reasons: dict[str, str] = {}
        todo = list(new.items())
        for start in range(0, len(todo), _SHARD):
            found = self._compute(encoder, todo[start : start + _SHARD], reasons)
            known.update(found)
            self._write(encoder, found)
        failures |= {image_id: reasons[key] for image_id, key in keys.items() if key in reasons}
        found_all = {image_id: known[key] for image_id, key in keys.items() if key in known}
        assert found_all.keys() | failures.keys() == locations.keys()
        return found_all, failures

    def _compute(
        self, encoder: ImageEncoder, todo: Sequence[tuple[str, str]], reasons: dict[str, str]
    ) -> dict[str, Tensor]:
        """Return the features of the images that can be read; why not goes into `reasons`."""
        found: dict[str, Tensor] = {}
        for start in range(0, len(todo), _READ_AT_ONCE):
            pixels: dict[str, npt.NDArray[Any]] = {}
            for key, location in todo[start : start + _READ_AT_ONCE]:
                try:
                    pixels[key] = self._read(location)
                except RadkgError as error:
                    reasons[key] = str(error)
            rows = encoder(list(pixels.values()))
            for key, row in zip(pixels, rows, strict=True):
                if torch.isfinite(row).all():
                    found[key] = row.clone()
                else:
                    reasons[key] = f"encoder {encoder.name} gives NaN or infinity on this image"
        return found

    def _load(self, encoder: ImageEncoder) -> dict[str, Tensor]:
        """Return what is known of this encoder, what other processes wrote since included."""
        known = self._known.setdefault(encoder.encoder_id, {})
        if self._storage is None:
            return known
        for name in self._storage.list_names(encoder.encoder_id):
            if name in self._shards:
                continue
            try:
                shard = load(self._storage.read(name))
            except SafetensorError as error:
                raise StorageError(
                    f"{self._storage.uri}/{name} is damaged: {error}: delete it, it is made anew"
                ) from error
            known.update(_unpack(shard))
            self._shards.add(name)
        return known

    def _write(self, encoder: ImageEncoder, found: Mapping[str, Tensor]) -> None:
        if self._storage is None or not found:
            return
        data = save(_pack(found))
        name = f"{encoder.encoder_id}/{sha256(data).hexdigest()[:16]}.safetensors"
        self._storage.write(name, data)
        self._shards.add(name)


def _pack(found: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a shard: contents (N, 16) uint8, the hashes, and features (N, C)."""
    contents = torch.tensor([list(bytes.fromhex(key)) for key in found], dtype=torch.uint8)
    return {"contents": contents, "features": torch.stack(list(found.values()))}


def _unpack(shard: Mapping[str, Tensor]) -> dict[str, Tensor]:
    keys = [bytes(row).hex() for row in shard["contents"].tolist()]
    return dict(zip(keys, shard["features"], strict=True))
