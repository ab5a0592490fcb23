"""MIMIC-CXR and MIMIC-CXR-JPG: a text file per study, in a zip, a tar or a tree, and its tables.

Layout: Johnson et al., Sci Data 2019, and MIMIC-CXR-JPG, arXiv:1901.07042. An id in a path is as
good as one in a table: a study that only one of them names is a row all the same. Images are listed
by id, view and place and never opened here.
"""

from __future__ import annotations

import re
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import ClassVar, Self

from radkg.archive.base import DUPLICATE_ID, Archive, Record, build_study, get_own_study_id
from radkg.archive.entries import FingerprintOrder, ImageEntry, StudyEntry
from radkg.archive.files.members import Member, digest, list_members, read_members
from radkg.archive.files.places import Place, open_place
from radkg.archive.files.tarred import is_tar, list_tar_names
from radkg.archive.files.zipped import is_zip, list_zip_names
from radkg.archive.formats.mimic_images import ImagesByStudy, find_image_root, list_images_by_study
from radkg.archive.formats.mimic_sections import SECTIONS_VERSION, HandSet, find_mimic_sections
from radkg.archive.formats.mimic_tables import (
    EXCEPTIONS,
    TabulatedStudy,
    find_tables,
    read_exceptions,
    read_tables,
)
from radkg.errors import ArchiveError
from radkg.schema.records import Study, Unreadable

SUFFIX = ".txt"
PACKED = tuple(f"mimic-cxr-reports.{kind}" for kind in ("zip", "tar", "tar.gz"))
_EXAMPLE = "p10/p10000032/s50414267.txt"
_REPORT = re.compile(r"(?:^|/)p(\d{8})/s(\d{8})\.txt$", re.IGNORECASE)
_NEARLY = re.compile(r"[ps]\d{8}", re.IGNORECASE)  # LICENSE.txt, beside the reports, is none
_FIRST_NAMES = 100  # of a tar that are looked at: to list a tar.gz is to read it whole


@dataclass(frozen=True)
class MimicCXR(Archive):
    """MIMIC-CXR reports at `path`, with the tables and images that were found."""

    path: Place  # the zip or tar, or the directory of p10, p11, ...
    uri: str
    images: Place | None = None  # the directory of p10, p11, ..., a container, or that of several
    tables: tuple[Place, ...] = ()
    exceptions: tuple[tuple[str, HandSet], ...] = ()
    name: str = "mimic-cxr"

    takes: ClassVar[str] = (
        "`mimic-cxr-reports.zip`, `.tar` or `.tar.gz`, the tree of .txt files "
        "(`files/p10/...`), or the directory that holds one of these"
    )
    reading_version: ClassVar[str | None] = SECTIONS_VERSION
    fingerprint_order: ClassVar[FingerprintOrder] = FingerprintOrder(
        ("reading_version", "subject_id", "problem", "study_date", "images", "other_inputs")
    )

    @classmethod
    def recognise(cls, uri: str, images: str | None = None) -> Self | str:
        """Return MIMIC-CXR for its zip, tar, tree or the directory that holds one; else why not.

        Raises:
            ArchiveError: the zip or the exceptions are damaged, or the images are in no MIMIC tree.
        """
        path = open_place(uri)
        try:
            mode = path.stat().st_mode
            if stat.S_ISDIR(mode):
                home, reports = path, _reports_of(path)
                if not reports:
                    return f"the directory holds neither {PACKED[0]} nor reports such as {_EXAMPLE}"
            elif stat.S_ISREG(mode) and is_zip(path):
                home, reports = path.parent, path
                if not any(_REPORT.search(name) for name in list_zip_names(path)):
                    return f"the zip holds no report such as {_EXAMPLE}"
            elif stat.S_ISREG(mode) and is_tar(path):
                home, reports = path.parent, path
                if not any(
                    _REPORT.search(name) for name in islice(list_tar_names(path), _FIRST_NAMES)
                ):
                    return f"the tar does not begin with reports such as {_EXAMPLE}"
            else:
                return "neither a zip nor a directory, nor a tar"
            images_at = find_image_root(images)
            folders = [home.parent if home.name == "files" else home]
            if images_at:
                beside = images_at if images_at.is_dir() else images_at.parent
                folders.insert(0, beside.parent if beside.name == "files" else beside)
            by_hand = folders[-1] / EXCEPTIONS
            return cls(
                reports,
                str(path),
                images_at,
                find_tables(folders),
                tuple(read_exceptions(by_hand).items()) if by_hand.exists() else (),
            )
        except OSError as error:
            return f"{error.filename or path}: {error.strerror}"

    def list_studies(self) -> Iterator[StudyEntry]:
        """Yield the reports as the archive has them, then studies without one."""
        listed = read_tables(self.tables)
        by_hand = dict(self.exceptions)
        images_by_study = list_images_by_study(self.images) if self.images else {}
        seen: Counter[str] = Counter()
        for member in list_members(self.path, SUFFIX):
            if not (who := _who(member.name)):
                continue
            study_id, subject_id, problem = who
            known, hand_set = listed.get(study_id), by_hand.get(study_id)
            problem = member.problem or problem
            if known and not problem and known.subject_id != subject_id:
                problem = f"{known.table.name} gives it to another patient"
            seen[study_id] += 1
            if seen[study_id] > 1:  # stays a row, which read() refuses: no study vanishes
                problem = DUPLICATE_ID
                study_id = f"{study_id}#{seen[study_id]}"
            yield self._entry(
                study_id, subject_id, member, problem, known, hand_set, images_by_study
            )
        if not seen:
            raise ArchiveError(
                f"{self.path} holds no report such as {_EXAMPLE}: fetch it again; "
                "links to directories are not followed"
            )
        for study_id in sorted(listed.keys() - seen.keys()):
            known = listed[study_id]
            problem = f"no report, though {known.table.name} names it: fetch the reports again"
            absent = Member(str(known.table), _report_name(known.subject_id, study_id), 0, 0)
            yield self._entry(
                study_id, known.subject_id, absent, problem, known, None, images_by_study
            )

    def read(self, records: Iterable[Record]) -> Iterator[Study | Unreadable]:
        """Yield one Study or Unreadable per record."""
        by_hand = dict(self.exceptions)
        for record, data in read_members(self.path, records):
            if record["problem"]:
                yield Unreadable(record, record["problem"])
                continue
            try:
                report = data.decode()
                found = find_mimic_sections(report, by_hand.get(get_own_study_id(record)))
            except UnicodeDecodeError as error:
                yield Unreadable(record, f"not UTF-8 at byte {error.start}: save it as UTF-8")
                continue
            except ValueError as error:
                yield Unreadable(record, f"{error}: correct {EXCEPTIONS}")
                continue
            yield build_study(record, report, found)

    def _entry(
        self,
        study_id: str,
        subject_id: str,
        member: Member,
        problem: str | None,
        known: TabulatedStudy | None,
        exception: HandSet | None,
        images_by_study: ImagesByStudy,
    ) -> StudyEntry:
        views = known.views if known else {}
        files = images_by_study.get((subject_id, study_id), {})
        images = []
        for image_id in sorted(views.keys() | files.keys()):
            file = files.get(image_id)
            # Sizes stand for bytes: to hash 377,110 images would take longer than the extraction.
            located = (file.location, file.stamp) if file else (None, None)
            images.append(ImageEntry(image_id, views.get(image_id), *located))
        return StudyEntry(
            study_id=study_id,
            subject_id=subject_id,
            study_date=known.study_date if known else None,
            split=known.split if known else None,
            source=member.source,
            member=member.name,
            offset=member.offset,
            length=member.length,
            images=images,
            content=digest(member.data),
            problem=problem,
            other_inputs=exception,
        )


def _who(name: str) -> tuple[str, str, str | None] | None:
    """Return study_id, subject_id and problem of a report by its name; None: it is no report."""
    if match := _REPORT.search(name):
        return match[2], match[1], None
    if name.rpartition("/")[2].startswith(".") or not _NEARLY.search(name):
        return None
    # Without a patient in its path a study counts as a patient of its own: nobody is mixed up.
    return name, name, f"its name is not such as {_EXAMPLE}: give it its place in the tree"


def _report_name(subject_id: str, study_id: str) -> str:
    return f"p{subject_id[:2]}/p{subject_id}/s{study_id}{SUFFIX}"


def _reports_of(path: Place) -> Place | None:
    """Return where the reports of a directory are: packed, or the directory of p10, p11, ..."""
    for name in PACKED:
        if (path / name).is_file():
            return path / name
    pattern = f"p[0-9][0-9]/p{'[0-9]' * 8}/s*{SUFFIX}"
    trees = (tree for tree in (path / "files", path) if tree.is_dir())
    return next((tree for tree in trees if any(tree.glob(pattern))), None)
