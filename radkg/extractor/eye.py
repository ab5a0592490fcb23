"""The eye as an extractor: what the coders would file for a study, from its images alone.

Each view is looked at by itself; a study's confidences are those of the mean of its views' logits.
A view that is unlike the frontal radiographs of the training is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from radkg.extractor.base import PreparedImages
from radkg.extractor.coded import limit_codes
from radkg.extractor.images import STUDIES_AT_ONCE, list_locations, prepare_image
from radkg.extractor.seen import make_seen_extraction, require_codes
from radkg.model.checkpoint import compute_model_id, read_config
from radkg.model.device import resolve_device
from radkg.model.generate.spec import EngineSpec
from radkg.model.vision.eye import EyeConfig, load_eye
from radkg.model.vision.preprocessing import Preprocessing
from radkg.schema.codes import Codes
from radkg.schema.records import Condition, Device, Extraction, Study

_LEAST = 0.01  # a code that is less sure is not listed


class Sight(NamedTuple):
    """What an eye sees of a study: for each row of its readout, in order,"""

    confidences: list[float]
    """how sure the eye is [0, 1]"""
    images: list[str]
    """location of the image that speaks most for the code"""
    cells: list[int]
    """cell of the grid in that image that speaks most for the code, row by row from the top"""


class EyeReader:
    """Reads the codes of studies from their images.

    Raises:
        ExtractorError: the directory's weights are missing or do not fit its settings.
    """

    def __init__(self, directory: Path, device: Device = "cpu") -> None:
        eye, self.config = load_eye(directory, read_config(directory))
        self._device: Device = device
        self._eye = eye.eval().requires_grad_(False).to(resolve_device(device))
        self.preprocessing = self.config.preprocessing

    def read(
        self, studies: Sequence[Study], images: PreparedImages | None = None
    ) -> list[Codes | None]:
        """Return all codes of each study with their confidences; None where there is no image.

        An image that is taken as normal has no code (`abnormal_threshold`), and one that is unlike
        those of the training (`unlike_limit`) is none.

        Raises:
            ArchiveError: an image cannot be read.
        """
        rows = self.compute_confidences(studies, images)
        return [None if row is None else make_codes(row, self.config) for row in rows]

    def compute_confidences(
        self, studies: Sequence[Study], images: PreparedImages | None = None
    ) -> list[list[float] | None]:
        """Return the confidence of each row of the readout; None where there is no image.

        Raises:
            ArchiveError: an image cannot be read.
        """
        return [seen and seen.confidences for seen in self.look(studies, images)]

    def look(
        self, studies: Sequence[Study], images: PreparedImages | None = None
    ) -> list[Sight | None]:
        """Return what is seen of each study; None where there is no image.

        Raises:
            ArchiveError: an image cannot be read.
        """
        found: list[Sight | None] = []
        at_once = STUDIES_AT_ONCE[self._device]
        for start in range(0, len(studies), at_once):
            places = [list_locations(study) for study in studies[start : start + at_once]]
            found += self._look_at(places, images)
        return found

    def select(self, codes: Codes) -> Codes:
        """Return the codes that are sure enough to be given."""
        findings = limit_codes(codes, self.config.finding_threshold).findings
        return Codes(findings, limit_codes(codes, self.config.triplet_threshold).triplets)

    @torch.inference_mode()
    def _look_at(
        self, places: Sequence[Sequence[str]], images: PreparedImages | None
    ) -> list[Sight | None]:
        """Return what is seen of some studies, given where the images of each are."""
        flat = [place for views in places for place in views]
        if not flat:
            return [None for _ in places]
        squares = [prepare_image(place, self.preprocessing, images) for place in flat]
        device = self._eye.readout.bias.device
        looked = self._eye.look(torch.stack(squares).to(device))
        logits, unlike, cells = looked[0].float().cpu(), looked[1].float().cpu(), looked[2].cpu()
        is_known = unlike <= (self.config.unlike_limit or float("inf"))
        counts = [len(views) for views in places]
        parts = (torch.split(part, counts) for part in (logits, is_known, cells))
        return [
            _sum_up(views, *part) if part[1].any() else None
            for views, *part in zip(places, *parts, strict=True)
        ]


def _sum_up(views: Sequence[str], logits: Tensor, is_known: Tensor, cells: Tensor) -> Sight:
    """Return what the views of a study show together."""
    best = logits.masked_fill(~is_known[:, None], -torch.inf).argmax(0)  # (L,)
    return Sight(
        confidences=torch.sigmoid(logits[is_known].mean(0)).tolist(),
        images=[views[i] for i in best.tolist()],
        cells=cells.gather(0, best[None])[0].tolist(),
    )


def make_codes(confidences: Sequence[float], config: EyeConfig) -> Codes:
    """Return the codes of the readout's rows; none where the image is taken as normal."""
    abnormal, *others = confidences
    if abnormal < config.abnormal_threshold:
        return Codes((), ())
    number = len(config.findings)
    findings = zip(config.findings, others[:number], strict=True)
    triplets = zip(config.triplets, others[number:], strict=True)
    return Codes(
        tuple(sorted(pair for pair in findings if pair[1] >= _LEAST)),
        tuple(sorted(pair for pair in triplets if pair[1] >= _LEAST)),
    )


def load_eye_extractor(
    directory: Path, condition: Condition | None, device: Device, engine: EngineSpec
) -> EyeExtractor:
    """Return the extractor of a directory; it looks at images, and generates nothing."""
    return EyeExtractor(directory, device)


class EyeExtractor:
    """Callable from studies to extractions whose entities have the image as their source."""

    name = "eye"
    condition: Condition = "image"

    def __init__(self, directory: Path, device: Device = "cpu") -> None:
        self._directory = directory
        self.device: Device = device
        self._reader = EyeReader(directory, device)
        self.model_id = compute_model_id(directory, *(() if device == "cpu" else (device,)))

    def __reduce__(self) -> tuple[type[EyeExtractor], tuple[Any, ...]]:
        return (EyeExtractor, (self._directory, self.device))

    @property
    def preprocessing(self) -> Preprocessing:
        """How an image becomes the tower's input."""
        return self._reader.preprocessing

    def __call__(
        self, studies: Sequence[Study], images: PreparedImages | None = None
    ) -> list[Extraction]:
        """Return one extraction per study, in order.

        Raises:
            ArchiveError: an image cannot be read.
            ExtractorError: a study has no image at hand.
        """
        sure = self._reader.config.sure_threshold
        return [
            make_seen_extraction(self, study, ((), ()), codes, sure)
            for study, codes in zip(studies, self._see(studies, images), strict=True)
        ]

    def read_codes(self, studies: Sequence[Study]) -> list[Codes]:
        """Return what the coders would file for each study, in order.

        Raises:
            ArchiveError: an image cannot be read.
            ExtractorError: a study has no image at hand.
        """
        return [self._reader.select(codes) for codes in self._see(studies, None)]

    def _see(self, studies: Sequence[Study], images: PreparedImages | None) -> list[Codes]:
        return require_codes(studies, self._reader.read(studies, images))
