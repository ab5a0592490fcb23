"""R2GenKG as a reporter: from images to text, without a plan.

Nothing says what such a draft was meant to say, so it is `unverified` until it is read back.

V views, P image tokens, C channels, S side in px.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from radkg.errors import ExtractorError
from radkg.extractor.base import PreparedImages
from radkg.extractor.images import list_locations, prepare_image
from radkg.extractor.seen import describe_blindness
from radkg.model.checkpoint import compute_model_id
from radkg.model.device import resolve_device
from radkg.model.report.files import VISION, read_r2genkg
from radkg.model.report.grid import load_grid_encoder, load_tower
from radkg.model.report.r2genkg_config import SightConfig
from radkg.model.vision.eye import normalise_cells
from radkg.model.vision.preprocessing import Preprocessing
from radkg.model.vision.tower import compute_pooled_features
from radkg.reporter.rows import make_draft
from radkg.reporter.unplanned import make_unplanned_draft
from radkg.schema.drafts import Draft
from radkg.schema.records import Device, Study

_AT_ONCE: dict[Device, int] = {"cpu": 16, "cuda": 64}  # studies that are written together


def load_r2genkg(directory: Path, device: Device = "cpu") -> R2GenKGReporter:
    """Return the reporter of a model directory.

    Raises:
        ExtractorError: the directory is damaged, or its model needs coders' findings.
    """
    return R2GenKGReporter(directory, device)


class R2GenKGReporter:
    """Callable from studies to drafts that a generator wrote.

    A draft depends in the last bits of its probabilities on the studies beside it: give the same
    studies together to get the same text.
    """

    name = "r2genkg"

    def __init__(self, directory: Path, device: Device = "cpu") -> None:
        self._directory = directory
        self.device: Device = device
        self._model = read_r2genkg(directory).requires_grad_(False).to(resolve_device(device))
        sight = self._model.config.sight
        if sight.kind == "findings":
            raise ExtractorError(
                f"{directory} was trained to be shown coders' findings in place of images: it "
                "cannot report"
            )
        self._looker = make_looker(sight, directory, device)
        inside = directory / VISION
        parts = [compute_model_id(inside)] if inside.is_dir() else []
        parts += [] if device == "cpu" else [device]
        self.model_id = compute_model_id(directory, *parts)

    def __reduce__(self) -> tuple[type[R2GenKGReporter], tuple[Any, ...]]:
        return (R2GenKGReporter, (self._directory, self.device))

    @property
    def preprocessing(self) -> Preprocessing:
        """How an image is prepared."""
        return self._looker.preprocessing

    def __call__(
        self, studies: Sequence[Study], images: PreparedImages | None = None
    ) -> list[Draft]:
        """Return one draft per study, in order.

        Raises:
            ArchiveError: an image cannot be read.
        """
        seen = [self._look(study, images) for study in studies]
        visible = [i for i, views in enumerate(seen) if views is not None]
        drafts = {
            i: make_draft(self, study, "empty", describe_blindness(study))
            for i, study in enumerate(studies)
        }
        at_once = _AT_ONCE[self.device]
        for start in range(0, len(visible), at_once):
            members = visible[start : start + at_once]
            texts = self._write([views for i in members if (views := seen[i]) is not None])
            for i, text in zip(members, texts, strict=True):
                drafts[i] = make_unplanned_draft(self, studies[i], text)
        return [drafts[i] for i in range(len(studies))]

    @torch.inference_mode()
    def _look(self, study: Study, images: PreparedImages | None) -> Tensor | None:
        """Return what is seen of a study (V, ...); None where nothing is."""
        locations = list_locations(study)
        if not locations:
            return None
        squares = [prepare_image(each, self.preprocessing, images) for each in locations]
        views = self._looker.look(torch.stack(squares))
        return views if len(views) else None

    def _write(self, seen: Sequence[Tensor]) -> list[str]:
        """Return a text for what is seen (V, ...) of each study."""
        views = max(len(each) for each in seen)
        stacked = torch.zeros(len(seen), views, *seen[0].shape[1:], dtype=seen[0].dtype)
        is_view = torch.zeros(len(seen), views, dtype=torch.bool)
        for i, each in enumerate(seen):
            stacked[i, : len(each)], is_view[i, : len(each)] = each, True
        device = self._model.norm.weight.device
        found = self._model.generate(stacked.to(device), is_view.to(device))
        return [self._model.generator.language.decode_report(ids) for ids in found]


class Looker(Protocol):
    """What turns prepared images into what the model sees."""

    @property
    def preprocessing(self) -> Preprocessing:
        """How an image is prepared."""
        ...

    def look(self, squares: Tensor) -> Tensor:
        """Return what is seen of squares (V, 1, S, S); less where one is no radiograph."""
        ...


class GridLooker:
    """The cells of an eye's tower, of the views that its guard takes for frontal radiographs."""

    def __init__(self, sight: SightConfig, directory: Path, device: Device) -> None:
        inside = directory / sight.encoder
        name = str(inside) if inside.is_dir() else sight.encoder
        encoder = load_grid_encoder(name)
        if encoder.encoder_id != sight.encoder_id:
            raise ExtractorError(
                f"{directory} was trained on the grid of tower {sight.encoder_id}, and {name} is "
                f"{encoder.encoder_id}: give the tower it was trained with"
            )
        self.preprocessing = encoder.preprocessing
        tower, guard, settings = load_tower(name)
        self._device = resolve_device(device)
        self._tower = tower.eval().requires_grad_(False).to(self._device)
        self._guard = guard.to(self._device) if guard and settings.unlike_limit else None
        self._limit = settings.unlike_limit

    def look(self, squares: Tensor) -> Tensor:
        """Return the cells (V, P, C), as they were in training: in half precision."""
        maps = self._tower.compute_feature_maps(squares.to(self._device))
        if self._guard is not None:
            maps = maps[self._guard(compute_pooled_features(maps)) <= self._limit]
        return normalise_cells(maps).half().cpu()


class SquareLooker:
    """The images themselves, in bytes, for a network that learnt to see."""

    def __init__(self, side: int) -> None:
        self.preprocessing = Preprocessing(side=side)

    def look(self, squares: Tensor) -> Tensor:
        """Return the squares (V, S, S) uint8."""
        return (squares[:, 0] * 255).round().to(torch.uint8)


def make_looker(sight: SightConfig, directory: Path, device: Device) -> Looker:
    """Return what looks for a model.

    Raises:
        ExtractorError: the tower is missing, or is another one than the model was trained with.
    """
    if sight.kind == "swin":
        return SquareLooker(sight.side)
    return GridLooker(sight, directory, device)
