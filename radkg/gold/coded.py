"""Studies with usable human codes, and those without."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from radkg.archive import open_archive
from radkg.archive.formats.openi import OpenI
from radkg.errors import ArchiveError
from radkg.gold.codes import Gold, parse_gold
from radkg.schema.records import Study


@dataclass(frozen=True)
class CodedStudies:
    """Studies with what their coders filed, in the order of the archive."""

    studies: tuple[Study, ...]
    golds: tuple[Gold, ...]
    uncoded: tuple[Study, ...] = ()  # of the same split, without usable codes

    def __len__(self) -> int:
        return len(self.studies)

    def choose(self, indices: Iterable[int]) -> CodedStudies:
        """Return the coded studies at these indices."""
        chosen = list(indices)
        studies, golds = self.studies, self.golds
        return CodedStudies(
            tuple(studies[i] for i in chosen), tuple(golds[i] for i in chosen), self.uncoded
        )

    def take_first(self, limit: int | None) -> CodedStudies:
        """Return the first `limit` studies; all where there is no limit."""
        return self.choose(range(len(self))[:limit])

    def select_with_image(self) -> CodedStudies:
        """Return the studies of which at least one image is there as a file."""
        return self.choose(
            i for i, study in enumerate(self.studies) if any(m.location for m in study.images)
        )


def load_coded_studies(archive_uri: str, split: str, images: str | None = None) -> CodedStudies:
    """Return the studies of a split, without the unreadable ones.

    Raises:
        ArchiveError: the archive has no human codes.
    """
    archive = open_archive(archive_uri, images)
    if not isinstance(archive, OpenI):
        raise ArchiveError(f"{archive_uri} has no human codes: only Open-i does")
    records = [r for r in archive.index().to_pylist() if r["split"] == split]
    golds = {study_id: parse_gold(codes) for study_id, codes in archive.read_codes(records).items()}
    studies = [study for study in archive.read(records) if isinstance(study, Study)]
    usable = [study for study in studies if golds[study.study_id].usable]
    return CodedStudies(
        tuple(usable),
        tuple(golds[study.study_id] for study in usable),
        tuple(study for study in studies if not golds[study.study_id].usable),
    )
