"""What the shipped eye sees in the images of the studies, for the floors that look.

An image that cannot be read, or that is no frontal radiograph, is not looked at: a floor then says
nothing of its study.

N studies scored, M training studies, C = 320 features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from radkg.errors import ArchiveError
from radkg.evaluation.reports.studies import ReportSet
from radkg.extractor import SHIPPED
from radkg.extractor.eye import EyeReader
from radkg.extractor.images import list_locations, prepare_image
from radkg.model.vision.encoders import ImageEncoder, load_encoder
from radkg.model.vision.tower import FEATURE_DIM
from radkg.schema.codes import Codes
from radkg.schema.records import Study

EYE = SHIPPED["small"] / "vision"


@dataclass(frozen=True)
class Looks:
    """What was seen in the studies that are scored."""

    likeness: Tensor
    """(N, M) cosine of their features to those of the training studies; -1 where one has none"""
    codes: tuple[Codes | None, ...]
    """what the eye would file; None where it could look at nothing"""

    def find_nearest(self, study: int, among: Sequence[int]) -> int | None:
        """Return which of some training studies looks most like a scored one; None: none does."""
        likeness = self.likeness[study, list(among)]
        best = int(likeness.argmax())
        return among[best] if likeness[best] > -1 else None


def compute_looks(report_set: ReportSet) -> Looks:
    """Return what the eye sees in the images of a set.

    Raises:
        ExtractorError: the shipped eye is damaged.
    """
    encoder, reader = load_encoder(str(EYE)), EyeReader(EYE)
    training = _encode(report_set.training.studies, encoder)
    scored = _encode(report_set.scored.studies, encoder)
    likeness = functional.normalize(scored) @ functional.normalize(training).T
    is_seen = scored.any(1)[:, None] & training.any(1)[None]
    codes = tuple(_read_codes(reader, study) for study in report_set.scored.studies)
    return Looks(likeness.masked_fill(~is_seen, -1.0), codes)


def _read_codes(reader: EyeReader, study: Study) -> Codes | None:
    try:
        (codes,) = reader.read([study])
    except ArchiveError:
        return None
    return None if codes is None else reader.select(codes)


def _encode(studies: Sequence[Study], encoder: ImageEncoder) -> Tensor:
    """Return features (studies, C), the mean over the images of each; 0 where none is readable."""
    rows = []
    for study in studies:
        try:
            squares = [prepare_image(p, encoder.preprocessing) for p in list_locations(study)]
        except ArchiveError:
            squares = []
        rows.append(
            encoder.encode_squares(squares).mean(0) if squares else torch.zeros(FEATURE_DIM)
        )
    return torch.stack(rows)
