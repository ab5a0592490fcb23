"""An extractor that sees images; apart from the others, which do without torch."""

import dataclasses
from collections.abc import Sequence

from radkg.errors import ArchiveError
from radkg.extractor import PreparedImages, SeesImages
from radkg.extractor.images import prepare_image
from radkg.model.vision.preprocessing import Preprocessing
from radkg.schema.records import Condition, Extraction, Study
from tests.support.runs.extractors import Words


class Brightness(Words):
    """Is as sure as the first image is bright."""

    condition: Condition = "image+report"
    preprocessing = Preprocessing(side=8)

    def __init__(self, *, only_prepared: bool) -> None:
        super().__init__("brightness-1")
        self.only_prepared = only_prepared

    def __call__(
        self, studies: Sequence[Study], images: PreparedImages | None = None
    ) -> list[Extraction]:
        rows = zip(studies, super().__call__(studies), strict=True)
        return [self._weigh(study, row, images) for study, row in rows]

    def _weigh(self, study: Study, row: Extraction, images: PreparedImages | None) -> Extraction:
        location = study.images[0].location
        assert location is not None
        if self.only_prepared and location not in (images or {}):
            raise ArchiveError(f"{location} was not prepared")
        square = prepare_image(location, self.preprocessing, images)
        sure = (dataclasses.replace(e, confidence=float(square.mean())) for e in row.entities)
        return dataclasses.replace(row, entities=tuple(sure))


def preparing() -> SeesImages:
    return Brightness(only_prepared=False)


def only_prepared() -> SeesImages:
    """An extractor that fails on an image that was not prepared beside it, on a CPU."""
    return Brightness(only_prepared=True)
