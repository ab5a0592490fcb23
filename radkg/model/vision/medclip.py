"""MedCLIP's image tower, and the conversion of its published checkpoint to a model directory.

Wang et al., EMNLP 2022: Swin-T (the package calls it ViT) or ResNet-50, 512 features of length 1.
The published file is a zip with pytorch_model.bin, a pickle of both towers; converted once, it is
config.json and safetensors under the published names, the image tower alone.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from radkg.errors import ExtractorError
from radkg.model.checkpoint import WEIGHTS, save
from radkg.model.vision.foreign import check_fit, read_tensors
from radkg.model.vision.preprocessing import Preprocessing
from radkg.private import open_private

Variant = Literal["swin", "resnet"]
KIND = "medclip"
DIM = 512
PREPROCESSING = Preprocessing(
    side=224,
    fit="pad",
    mean=(0.5862785803043838,) * 3,
    std=(0.27950088968644304,) * 3,
    min_padded=224,
)
_PICKLE = "pytorch_model.bin"
_IMAGES = "vision_model."
_SWIN_WIDTH = 768
_RESNET_WIDTH = 2048
# Buffers that transformers wrote in 2022 and computes today.
_COMPUTED = ("relative_position_index",)
_CARD = """# MedCLIP image tower ({variant})

The image half of MedCLIP (Wang, Wu, Agarwal, Sun, EMNLP 2022), converted by radkg from {source}.
Weights and licence are those of the published checkpoint. Input: one grey chest X-ray, padded to a
square with black, 224 x 224 px, mean 0.586278, standard deviation 0.279501. Output: 512 features of
length 1. Not a medical device.
"""


class MedClip(nn.Module):
    """MedCLIP's image half, filled from tensors under its published names."""

    def __init__(self, variant: Variant, tensors: Mapping[str, Tensor], path: Path) -> None:
        """Build and fill the tower; `path` is what errors name.

        Raises:
            ExtractorError: names or shapes are not those of this variant.
        """
        super().__init__()
        if variant == "swin":
            head = "projection_head.weight"
            check_fit(path, {head: torch.Size([DIM, _SWIN_WIDTH])}, _only(tensors, head))
            self.model = _swin({n: t for n, t in tensors.items() if n != head}, path)
            self.projection_head: nn.Module = nn.Linear(_SWIN_WIDTH, DIM, bias=False)
            self.projection_head.load_state_dict({"weight": tensors[head]})
        else:
            self.model = _resnet(tensors, path)
            self.projection_head = nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        """Return (N, 512) features of length 1, of normalised images (N, 3, 224, 224)."""
        found = self.model(images)
        pooled = found if isinstance(found, Tensor) else found.pooler_output
        return functional.normalize(self.projection_head(pooled), dim=-1)


def convert_medclip(source: Path, directory: Path) -> Variant:
    """Convert MedCLIP's published zip, or the pytorch_model.bin in it, to a model directory.

    Returns:
        Which of the two towers the checkpoint holds.

    Raises:
        ExtractorError: the file is missing, is no such checkpoint, or holds more than tensors.
    """
    with _unzipped(source) as path:
        published = read_tensors(path)
    images = {
        name.removeprefix(_IMAGES): tensor
        for name, tensor in published.items()
        if name.startswith(_IMAGES) and not name.endswith(_COMPUTED)
    }
    variant: Variant = "resnet" if "model.fc.weight" in images else "swin"
    if not images:
        raise ExtractorError(
            f"{source} is no MedCLIP checkpoint: no name starts with {_IMAGES!r}, the first are "
            f"{sorted(published)[:3]}"
        )
    MedClip(variant, images, source)  # refuses what does not fit
    save(
        directory,
        json.dumps({"kind": KIND, "variant": variant}, indent=1) + "\n",
        images,
        card=_CARD.format(variant=variant, source=source.name),
    )
    return variant


def load_medclip(directory: Path, config: Mapping[str, Any]) -> tuple[MedClip, dict[str, Tensor]]:
    """Return the tower that `convert_medclip` wrote, and its weights under their stored names.

    Raises:
        ExtractorError: the directory is not what `convert_medclip` writes.
    """
    variant = config.get("variant")
    if variant not in ("swin", "resnet"):
        raise ExtractorError(f"{directory}: variant {variant!r} is neither swin nor resnet")
    tensors = read_tensors(directory / WEIGHTS)
    return MedClip(variant, tensors, directory / WEIGHTS), tensors


@contextlib.contextmanager
def _unzipped(source: Path) -> Iterator[Path]:
    """Give the pickle inside the published zip, or the source itself, which torch zips too."""
    if not source.is_file():
        raise ExtractorError(f"no MedCLIP checkpoint at {source}: give the zip or {_PICKLE}")
    members = []
    if zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as archive:
            members = [n for n in archive.namelist() if Path(n).name == _PICKLE]
            if members:
                with tempfile.TemporaryDirectory() as folder:
                    yield _extract(archive, members[0], Path(folder) / _PICKLE)
    if not members:
        yield source


def _extract(archive: zipfile.ZipFile, member: str, path: Path) -> Path:
    try:
        with archive.open(member) as packed, open_private(path, "wb") as file:
            while part := packed.read(1 << 20):
                file.write(part)
    except (OSError, zipfile.BadZipFile, EOFError) as error:
        raise ExtractorError(f"cannot unpack {archive.filename}: {error}: copy it again") from error
    return path


def _swin(tensors: dict[str, Tensor], path: Path) -> nn.Module:
    """Return Hugging Face's Swin-T; it knows the published names, whatever its own are today."""
    from transformers import SwinConfig, SwinModel

    named = {name.removeprefix("model."): tensor for name, tensor in tensors.items()}
    load: Any = SwinModel.from_pretrained
    model: nn.Module
    model, info = load(
        None,
        config=SwinConfig(),  # the defaults are microsoft/swin-tiny-patch4-window7-224
        state_dict=named,
        output_loading_info=True,
        ignore_mismatched_sizes=True,  # to name them below
    )
    expected = {name: tensor.shape for name, tensor in model.state_dict().items()}
    wrong = {
        "missing": info["missing_keys"],
        "unknown": info["unexpected_keys"],
        "of another shape": info["mismatched_keys"],
    }
    if any(wrong.values()):
        raise ExtractorError(
            f"{path} is no MedCLIP checkpoint of Swin-T: "
            + "; ".join(f"{what} {sorted(map(str, names))[:3]}" for what, names in wrong.items())
            + f" of {len(expected)}"
        )
    check_fit(path, {n: t.shape for n, t in named.items()}, named)  # finite
    return model


def _resnet(tensors: Mapping[str, Tensor], path: Path) -> nn.Module:
    """Return torchvision's ResNet-50 with the projection in place of its classifier."""
    try:
        from torchvision.models import resnet50
    except ImportError as error:
        raise ExtractorError(
            "MedCLIP's ResNet-50 needs torchvision: pip install torchvision"
        ) from error
    model: nn.Module = resnet50(weights=None)
    model.fc = nn.Linear(_RESNET_WIDTH, DIM, bias=False)
    named = {name.removeprefix("model."): tensor for name, tensor in tensors.items()}
    check_fit(path, {n: t.shape for n, t in model.state_dict().items()}, named)
    model.load_state_dict(named)
    return model


def _only(tensors: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    return {name: tensors[name]} if name in tensors else {}
