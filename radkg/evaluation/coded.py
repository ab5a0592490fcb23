"""Studies with usable human codes, by split, and those without."""

from __future__ import annotations

from dataclasses import dataclass

from radkg.archive import open_archive
from radkg.archive.openi import OpenI
from radkg.archive.openi_codes import Gold, gold
from radkg.errors import ArchiveError
from radkg.schema.records import Study

SPLITS = ("train", "test")


@dataclass(frozen=True)
class CodedStudies:
    """Studies with what their coders filed, in the order of the archive."""

    studies: tuple[Study, ...]
    golds: tuple[Gold, ...]
    uncoded: tuple[Study, ...]  # of the same split, without usable codes

    def with_image(self) -> CodedStudies:
        """Return those of which at least one image is at hand."""
        pairs = zip(self.studies, self.golds, strict=True)
        kept = [pair for pair in pairs if any(image.location for image in pair[0].images)]
        return CodedStudies(tuple(s for s, _ in kept), tuple(g for _, g in kept), self.uncoded)


def coded_studies(archive_uri: str, images: str | None = None) -> dict[str, CodedStudies]:
    """Return the studies of each split; an unreadable one is left out.

    Raises:
        ArchiveError: the archive has no human codes.
    """
    archive = open_archive(archive_uri, images)
    if not isinstance(archive, OpenI):
        raise ArchiveError(f"{archive_uri} has no human codes: evaluate on Open-i")
    records = archive.index().to_pylist()
    codes = archive.codes(records)
    by_split: dict[str, list[tuple[Study, Gold]]] = {name: [] for name in SPLITS}
    for study in archive.read(records):
        if isinstance(study, Study) and study.split in by_split:
            by_split[study.split].append((study, gold(codes[study.study_id])))
    return {name: _coded(pairs) for name, pairs in by_split.items()}


def _coded(pairs: list[tuple[Study, Gold]]) -> CodedStudies:
    return CodedStudies(
        tuple(study for study, codes in pairs if codes.usable),
        tuple(codes for _, codes in pairs if codes.usable),
        tuple(study for study, codes in pairs if not codes.usable),
    )
