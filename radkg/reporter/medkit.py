"""MedKit as a reporter: labels and a draft of each study from its images, or from its volumes.

Nothing is planned: the labels that the model calls present stand in the draft as its claims, and
its text may say something else. So every draft is unverified.

B studies.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from radkg.extractor.base import PreparedImages
from radkg.extractor.images import list_locations, prepare_image
from radkg.model.checkpoint import compute_model_id
from radkg.model.device import resolve_device
from radkg.model.report.labelled import Seen
from radkg.model.report.medkit_files import read_medkit
from radkg.model.vision.preprocessing import Preprocessing
from radkg.model.vision.tokens import scale_volume
from radkg.reporter.rows import make_draft
from radkg.reporter.unplanned import make_unplanned_draft
from radkg.schema.drafts import Claim, Draft
from radkg.schema.records import Device, Study

_VIEWS_AT_ONCE: dict[Device, int] = {"cpu": 8, "cuda": 64}  # that the tower looks at
_WRITTEN_AT_ONCE: dict[Device, int] = {"cpu": 16, "cuda": 128}  # studies


class MedKitReporter:
    """Callable from studies to drafts.

    A draft depends in the last bits of its probabilities on the studies beside it: give the same
    studies together to get the same text.

    Args:
        directory: the model directory.
        device: where it computes.

    Raises:
        ExtractorError: the directory's weights are missing or do not fit its settings.
    """

    name = "medkit"

    def __init__(self, directory: Path, device: Device = "cpu") -> None:
        self._directory, self._device = directory, device
        self._model = read_medkit(directory).requires_grad_(False).to(resolve_device(device))
        self.config = self._model.config
        self.model_id = compute_model_id(directory, *(() if device == "cpu" else (device,)))

    def __reduce__(self) -> tuple[type[MedKitReporter], tuple[Any, ...]]:
        return (MedKitReporter, (self._directory, self._device))

    @property
    def preprocessing(self) -> Preprocessing | None:
        """How an image becomes the tower's input; None for volumes, which it reads itself."""
        return self.config.preprocessing if self.config.tokens == "image" else None

    def __call__(
        self, studies: Sequence[Study], /, images: PreparedImages | None = None
    ) -> list[Draft]:
        """Return one draft per study, in order; a study without an image has an empty one.

        Raises:
            ArchiveError: an image cannot be read, or is a volume where an image is wanted.
        """
        drafts: list[Draft] = [
            make_draft(
                self, study, "empty", f"study {study.study_id} has no image at hand: give --images"
            )
            for study in studies
        ]
        seen = [i for i, study in enumerate(studies) if list_locations(study)]
        at_once = _WRITTEN_AT_ONCE[self._device]
        for start in range(0, len(seen), at_once):
            members = seen[start : start + at_once]
            found = self.look([studies[i] for i in members], images)
            texts = self._model.write(found)
            for i, text, logits in zip(members, texts, found.logits, strict=True):
                drafts[i] = self._make_draft(studies[i], text, torch.sigmoid(logits).tolist())
        return drafts

    def look(self, studies: Sequence[Study], images: PreparedImages | None = None) -> Seen:
        """Return tokens (B, T, C) and logits (B, L) of studies that have an image each.

        Views are averaged.

        Raises:
            ArchiveError: an image cannot be read, or is a volume where an image is wanted.
        """
        places = [list_locations(study) for study in studies]
        views = [[self._read(place, images) for place in own] for own in places]
        return self._model.look(views, _VIEWS_AT_ONCE[self._device])

    def _read(self, location: str, images: PreparedImages | None) -> Tensor:
        """Return an image (1, S, S) or a volume (1, D, S, S) in [0, 1]."""
        config = self.config
        if config.tokens == "image":
            return prepare_image(location, config.preprocessing, images)
        from radkg.archive.images.volume import Window, read_volume

        window = None
        if config.window_level is not None and config.window_width is not None:
            window = Window(config.window_level, config.window_width)
        volume = torch.from_numpy(read_volume(location, window))
        return scale_volume(volume, config.depth, config.side)

    def _make_draft(self, study: Study, text: str, confidences: Sequence[float]) -> Draft:
        plan = [
            Claim(label, "present", confidence=confidence)
            for label, confidence in zip(self.config.labels, confidences, strict=True)
            if confidence >= self.config.threshold
        ]
        return make_unplanned_draft(self, study, text, plan)


def load_medkit(directory: Path, device: Device = "cpu") -> MedKitReporter:
    """Return the reporter of a directory."""
    return MedKitReporter(directory, device)
