"""Frozen image encoders behind one door: `load_encoder` by name or directory.

imagenet is the small tower with ImageNet's weights, a start for training. A directory is an eye,
whose tower looks (eye.py), MedCLIP (`convert_medclip`), or a model in open_clip's layout, as
BiomedCLIP is published. open_clip:ARCHITECTURE:WHICH takes a published tag or a local checkpoint.

Weights are safetensors, or pickles of tensors alone. An encoder sees one grey image at a time.

N images, C features.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

import numpy.typing as npt
import torch
from torch import Tensor, nn

from radkg.errors import ExtractorError
from radkg.model.checkpoint import read_config
from radkg.model.vision import eye, medclip, openclip
from radkg.model.vision.preprocessing import Preprocessing
from radkg.model.vision.tower import FEATURE_DIM, SIDE, load_imagenet_tower

IMAGENET = "imagenet"
_OPEN_CLIP = "open_clip:"
_TOWER_PREPROCESSING = Preprocessing(side=SIDE, fit="squash")
_BATCH_SIZE = 32  # images of one pass: what a core is fastest with


class ImageEncoder(Protocol):
    """Grey images in, one row of features each out."""

    @property
    def name(self) -> str:
        """What the encoder is called."""
        ...

    @property
    def dim(self) -> int:
        """Width of the features."""
        ...

    @property
    def encoder_id(self) -> str:
        """Hash of weights and preprocessing, 16 hex digits."""
        ...

    @property
    def preprocessing(self) -> Preprocessing:
        """How an image becomes its input."""
        ...

    def __call__(self, pixels: Sequence[npt.NDArray[Any]]) -> Tensor:
        """Return (N, C) float32 features on the CPU, of images (H, W) of any size."""
        ...

    def encode_squares(self, squares: Sequence[Tensor]) -> Tensor:
        """Return (N, C) float32 features on the CPU, of grey squares (1, S, S)."""
        ...


class FrozenEncoder:
    """An image tower in evaluation mode, with the preprocessing it was trained with.

    Args:
        network: normalised images (N, K, S, S) to features (N, C).
        weights: what the id is made of; the network's own state where nothing is given.
    """

    def __init__(
        self,
        name: str,
        network: nn.Module,
        dim: int,
        preprocessing: Preprocessing,
        *,
        weights: Mapping[str, Tensor] | None = None,
        device: str = "cpu",
    ) -> None:
        self.name = name
        self.dim = dim
        self.encoder_id = _id(network.state_dict() if weights is None else weights, preprocessing)
        self.preprocessing = preprocessing
        self._network = network.float().eval().requires_grad_(False).to(device)
        self._device = device

    def __call__(self, pixels: Sequence[npt.NDArray[Any]]) -> Tensor:
        """Return (N, C) float32 features, on the CPU.

        Args:
            pixels: images (H, W) of any size, float in [0, 1] or uint8.
        """
        return self.encode_squares([self.preprocessing.make_square(image) for image in pixels])

    @torch.no_grad()
    def encode_squares(self, squares: Sequence[Tensor]) -> Tensor:
        """Return (N, C) float32 features, on the CPU, of grey squares (1, S, S)."""
        features = [torch.empty(0, self.dim)]
        for start in range(0, len(squares), _BATCH_SIZE):
            batch = squares[start : start + _BATCH_SIZE]
            images = [self.preprocessing.normalise(square) for square in batch]
            features.append(self._network(torch.stack(images).to(self._device)).float().cpu())
        return torch.cat(features)


def load_encoder(name: str, device: str = "cpu") -> ImageEncoder:
    """Return the frozen encoder of a name or a directory, as the module says.

    Raises:
        ExtractorError: there is none of that name, or its weights are missing or do not fit.
    """
    if name == IMAGENET:
        return FrozenEncoder(
            IMAGENET, load_imagenet_tower(), FEATURE_DIM, _TOWER_PREPROCESSING, device=device
        )
    if name.startswith(_OPEN_CLIP):
        images, preprocessing = openclip.load_open_clip(name.removeprefix(_OPEN_CLIP))
        return FrozenEncoder(name, images, images.dim, preprocessing, device=device)
    directory = Path(name)
    if not directory.is_dir():
        raise ExtractorError(
            f"no image encoder {name!r}: give a model directory, {IMAGENET!r}, or "
            "open_clip:ARCHITECTURE:TAG"
        )
    if (directory / openclip.CONFIG).is_file():
        images, preprocessing = openclip.load_open_clip_directory(directory)
        return FrozenEncoder(name, images, images.dim, preprocessing, device=device)
    config = read_config(directory)
    if config["kind"] not in KINDS:
        raise ExtractorError(
            f"{directory} holds a model of kind {config['kind']!r}, not an image encoder "
            f"({', '.join(KINDS)}, or open_clip's layout)"
        )
    return KINDS[config["kind"]](name, directory, config, device)


def _load_eye(name: str, directory: Path, config: Mapping[str, Any], device: str) -> FrozenEncoder:
    seeing, settings = eye.load_eye(directory, dict(config))
    return FrozenEncoder(name, seeing.tower, FEATURE_DIM, settings.preprocessing, device=device)


def _load_medclip(
    name: str, directory: Path, config: Mapping[str, Any], device: str
) -> FrozenEncoder:
    network, weights = medclip.load_medclip(directory, config)
    return FrozenEncoder(
        name, network, medclip.DIM, medclip.PREPROCESSING, weights=weights, device=device
    )


KINDS: dict[str, Callable[[str, Path, Mapping[str, Any], str], FrozenEncoder]] = {
    eye.KIND: _load_eye,
    medclip.KIND: _load_medclip,
}
"""by the kind of a model directory, what loads it from `(name, directory, settings, device)`"""


def _id(weights: Mapping[str, Tensor], preprocessing: Preprocessing) -> str:
    digest = sha256(repr(preprocessing).encode())
    for name in sorted(weights):
        tensor = weights[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)} ".encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()[:16]
