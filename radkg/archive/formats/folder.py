"""A folder of reports: one .txt file per study, named <study_id>.txt.

It knows nothing of patients, dates, splits and images: every study counts as a patient of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

from radkg.archive.base import DUPLICATE_ID, Archive, Record, build_study
from radkg.archive.entries import REPORT_ALONE, FingerprintOrder, StudyEntry
from radkg.archive.files.members import digest, list_members, read_members
from radkg.archive.files.places import Place, open_place
from radkg.archive.formats.headings import HEADINGS_VERSION, find_headed_sections
from radkg.errors import ArchiveError
from radkg.schema.records import Study, Unreadable

SUFFIX = ".txt"


@dataclass(frozen=True)
class ReportFolder(Archive):
    """The .txt files of a folder; those of folders below it are left alone."""

    path: Place
    uri: str
    name: str = "reports"

    takes: ClassVar[str] = "a directory of `<study_id>.txt` files"
    reading_version: ClassVar[str | None] = HEADINGS_VERSION
    fingerprint_order: ClassVar[FingerprintOrder] = REPORT_ALONE

    @classmethod
    def recognise(cls, uri: str, images: str | None = None) -> Self | str:
        """Return the folder if .txt files stand in it; else why not."""
        path = open_place(uri)
        try:
            if not any(_is_report(file.name) for file in path.iterdir()):
                return "the directory holds no .txt file"
        except OSError as error:
            return f"{path}: {error.strerror}"
        if images is not None:
            raise ArchiveError("a folder of .txt files names no images: give a table with them")
        return cls(path, str(path))

    def list_studies(self) -> Iterator[StudyEntry]:
        """Yield one entry per file, by name."""
        seen: set[str] = set()
        for member in list_members(self.path, SUFFIX, below=False):
            if not _is_report(member.name):
                continue
            study_id, problem = member.name[: -len(SUFFIX)], member.problem
            if study_id in seen:  # a.txt and a.TXT
                study_id, problem = member.name, DUPLICATE_ID
            seen.add(study_id)
            yield StudyEntry(
                study_id=study_id,
                source=member.source,
                member=member.name,
                offset=member.offset,
                length=member.length,
                content=digest(member.data),
                problem=problem,
            )
        if not seen:
            raise ArchiveError(f"{self.path} holds no .txt file any more: check the path")

    def read(self, records: Iterable[Record]) -> Iterator[Study | Unreadable]:
        """Yield one Study or Unreadable per record."""
        for record, data in read_members(self.path, records):
            if record["problem"]:
                yield Unreadable(record, record["problem"])
                continue
            try:
                report = data.decode("utf-8-sig")
            except UnicodeDecodeError as error:
                yield Unreadable(record, f"not UTF-8 at byte {error.start}: save it as UTF-8")
                continue
            yield build_study(record, report, find_headed_sections(report))


def _is_report(name: str) -> bool:
    return name.lower().endswith(SUFFIX) and not name.startswith(".")
