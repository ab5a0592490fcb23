"""A row from what was read in the report and what was seen in the images of a study."""

from __future__ import annotations

from collections.abc import Sequence

from radkg.errors import ExtractorError
from radkg.extractor.base import Identified
from radkg.extractor.coded import describe_unsure, make_image_entities
from radkg.extractor.images import list_locations
from radkg.extractor.sentencewise import make_extraction
from radkg.schema.codes import Codes
from radkg.schema.records import Entity, Extraction, Relation, Study


def make_seen_extraction(
    reader: Identified,
    study: Study,
    read: tuple[tuple[Entity, ...], tuple[Relation, ...]],
    codes: Codes | None,
    threshold: float,
) -> Extraction:
    """Return the row of a study; where no image was looked at, its report alone is its condition.

    Args:
        reader: what read it, and names itself in the row.
        study: what was read.
        read: entities and relations of the report.
        codes: what was seen in the images; None where none was looked at.
        threshold: codes that are less sure [0, 1] are left out.
    """
    entities, relations = read
    if codes is None:
        blind = reader.condition != "report" and list_locations(study)
        reason = describe_blindness(study) if blind else None
        return make_extraction(
            reader, study, entities, relations, condition="report", reason=reason
        )
    more, links = make_image_entities(codes, len(entities), threshold)
    entities, relations = entities + more, relations + links
    reason = None if entities else describe_unsure(codes, threshold)
    return make_extraction(reader, study, entities, relations, reason=reason)


def require_codes(studies: Sequence[Study], found: Sequence[Codes | None]) -> list[Codes]:
    """Return the codes of studies each of which has an image that was looked at.

    Raises:
        ExtractorError: one has none.
    """
    for study, codes in zip(studies, found, strict=True):
        if codes is None:
            raise ExtractorError(describe_blindness(study))
    return [codes for codes in found if codes is not None]


def describe_blindness(study: Study) -> str:
    """Return why no image of a study was looked at."""
    if not list_locations(study):
        return f"study {study.study_id} has no image at hand: give --images"
    return f"no image of study {study.study_id} looks like a frontal chest radiograph"
