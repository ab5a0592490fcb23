"""An extractor that looks at pictures; apart from the others, which do without torch."""

import dataclasses
from typing import Any

from radkg.archive.images.pixels import read_image
from radkg.errors import ArchiveError
from radkg.model.vision.preprocessing import Preprocessing
from radkg.schema.records import Condition, Extraction, Study
from tests.support.runs.extractors import Words


class Seeing(Words):
    """Is as sure as the first picture is bright; on a GPU its pictures are read beside it."""

    condition: Condition = "image+report"
    fit = Preprocessing(side=8)

    def __init__(self, must_be_given: bool) -> None:
        super().__init__("seeing-1")
        self.must_be_given = must_be_given
        self.pictures: dict[str, Any] = {}

    def _extract(self, study: Study) -> Extraction:
        row = super()._extract(study)
        location = study.images[0].location
        assert location is not None
        if self.must_be_given:
            square = self.pictures[location]
            if isinstance(square, str):
                raise ArchiveError(square)
        else:
            square = self.fit.square(read_image(location)).numpy()
        sure = (dataclasses.replace(e, confidence=float(square.mean())) for e in row.entities)
        return dataclasses.replace(row, entities=tuple(sure))


def seeing() -> Words:
    return Seeing(must_be_given=False)


def given() -> Words:
    return Seeing(must_be_given=True)
