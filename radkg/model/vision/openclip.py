"""The image half of any open_clip model: a published tag, a local checkpoint, or a directory.

A directory holds open_clip_config.json and the weights, as BiomedCLIP publishes them. Only the
image half is built, so no text encoder and no tokenizer is fetched.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from torch import Tensor, nn
from torch.nn import functional

from radkg.errors import ExtractorError
from radkg.model.vision.foreign import check_fit, read_tensors
from radkg.model.vision.preprocessing import Fit, Interpolation, Preprocessing

CONFIG = "open_clip_config.json"
_WEIGHTS = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin", "open_clip_model.bin")
_VISUAL = "visual."
_FITS: dict[str, Fit] = {"shortest": "crop", "longest": "pad", "squash": "squash"}


class OpenClipImages(nn.Module):
    """open_clip's image tower; features have length 1, as CLIP compares them."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        from open_clip.model import _build_vision_tower

        vision = dict(config["vision_cfg"], timm_model_pretrained=False)  # no download of a start
        self.dim = int(config["embed_dim"])
        self.visual = _build_vision_tower(
            self.dim, vision, quick_gelu=bool(config.get("quick_gelu", False))
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return (N, C) features of normalised images (N, 3, S, S)."""
        found = self.visual(images)
        features: Tensor = found[0] if isinstance(found, tuple) else found
        return functional.normalize(features, dim=-1)


def load_open_clip_directory(directory: Path) -> tuple[OpenClipImages, Preprocessing]:
    """Return the image tower in a directory, and what it does to an image first.

    Raises:
        ExtractorError: open_clip is not installed, or the directory does not hold such a model.
    """
    path = directory / CONFIG
    try:
        config = json.loads(path.read_text())
        model = dict(config.get("model_cfg", config))
        preprocess = dict(config.get("preprocess_cfg", {}))
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise ExtractorError(f"{path} is no open_clip configuration: {error}") from error
    weights = next((directory / n for n in _WEIGHTS if (directory / n).is_file()), None)
    if weights is None:
        raise ExtractorError(f"no weights in {directory}: one of {', '.join(_WEIGHTS)} is needed")
    return _build(model, preprocess, weights, str(path))


def load_open_clip(spec: str) -> tuple[OpenClipImages, Preprocessing]:
    """Return the image tower of `ARCHITECTURE:WHICH`, a published tag or a local checkpoint.

    A tag is downloaded once, into the cache of Hugging Face.

    Raises:
        ExtractorError: open_clip is not installed, or there is no such architecture, tag or file.
    """
    open_clip = _import()
    architecture, _, which = spec.partition(":")
    config = open_clip.get_model_config(architecture)
    if config is None:
        raise ExtractorError(
            f"open_clip has no architecture {architecture!r}: open_clip.list_models() names all"
        )
    if which and Path(which).is_file():
        return _build(config, {}, Path(which), architecture)
    published = open_clip.get_pretrained_cfg(architecture, which) if which else {}
    if not published:
        tags = open_clip.list_pretrained_tags_by_model(architecture)
        raise ExtractorError(
            f"open_clip:{spec} names no weights: {which!r} is no file and no tag of "
            f"{architecture}; give a checkpoint's path or one of {', '.join(tags) or '(none)'}"
        )
    try:
        path = Path(open_clip.download_pretrained(published))
    except (OSError, ValueError, RuntimeError) as error:
        raise ExtractorError(
            f"cannot download open_clip:{spec}: {error}: download it by hand and give its path"
        ) from error
    return _build(config, published, path, architecture)


def _build(
    config: dict[str, Any], preprocess: dict[str, Any], weights: Path, source: str
) -> tuple[OpenClipImages, Preprocessing]:
    _import()
    try:
        tower = OpenClipImages(config)
        side = tower.visual.image_size
        preprocessing = _preprocessing(preprocess, side[0] if isinstance(side, tuple) else side)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ExtractorError(f"cannot build the model of {source}: {error!r}") from error
    _fill(tower.visual, read_tensors(weights), weights)
    return tower, preprocessing


def _preprocessing(published: dict[str, Any], side: int) -> Preprocessing:
    """Return open_clip's evaluation transform; what is not published is OpenAI's."""
    from open_clip import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD

    return Preprocessing(
        side=side,
        fit=_FITS[published.get("resize_mode") or "shortest"],
        mean=tuple(published.get("mean") or OPENAI_DATASET_MEAN),
        std=tuple(published.get("std") or OPENAI_DATASET_STD),
        interpolation=cast(Interpolation, published.get("interpolation") or "bicubic"),
        fill=(published.get("fill_color") or 0) / 255,
    )


def _fill(visual: nn.Module, tensors: dict[str, Tensor], path: Path) -> None:
    kept = {n.removeprefix(_VISUAL): t for n, t in tensors.items() if n.startswith(_VISUAL)}
    expected = visual.state_dict()
    check_fit(path, {n: t.shape for n, t in expected.items()}, kept)
    visual.load_state_dict(kept)


def _import() -> Any:
    try:
        import open_clip
    except ImportError as error:
        raise ExtractorError(
            f"open_clip models need open_clip_torch: pip install open_clip_torch ({error})"
        ) from error
    return open_clip
