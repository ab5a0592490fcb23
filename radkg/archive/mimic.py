"""MIMIC-CXR and MIMIC-CXR-JPG: one text file per study, in a zip or a tree, with tables beside it.

Layout: Johnson et al., Sci Data 2019, and MIMIC-CXR-JPG, arXiv:1901.07042. An id in a path is as
good as one in a table: a study that only one of them names is a row all the same. Images are listed
by id, view and place and never opened here.
"""

from __future__ import annotations

import os
import re
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pyarrow as pa

from radkg.archive.base import DUPLICATE_ID, Record, study_of
from radkg.archive.members import Member, digest, members, read_member
from radkg.archive.mimic_sections import RULES, HandSet, sections
from radkg.archive.mimic_tables import (
    EXCEPTIONS,
    Listed,
    find_tables,
    read_exceptions,
    read_tables,
)
from radkg.archive.zipped import is_zip, zip_names
from radkg.errors import ArchiveError
from radkg.schema.arrow import INDEX_SCHEMA
from radkg.schema.records import Study, Unreadable

SUFFIX = ".txt"
ZIP = "mimic-cxr-reports.zip"
_EXAMPLE = "p10/p10000032/s50414267.txt"
_REPORT = re.compile(r"(?:^|/)p(\d{8})/s(\d{8})\.txt$", re.IGNORECASE)
_NEARLY = re.compile(r"[ps]\d{8}", re.IGNORECASE)  # LICENSE.txt, beside the reports, is none
_IMAGE = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{8}){4})\.(jpg|png|dcm)")
_PREFERRED = ("jpg", "png", "dcm")  # of one image in several formats: the one that decodes fastest


@dataclass(frozen=True)
class MimicCXR:
    """MIMIC-CXR reports at `path`, with the tables and images that were found."""

    path: Path  # the zip, or the directory of p10, p11, ...
    uri: str
    images: Path | None = None  # the directory of p10, p11, ...
    tables: tuple[Path, ...] = ()
    exceptions: tuple[tuple[str, HandSet], ...] = ()
    name: str = "mimic-cxr"

    @classmethod
    def recognise(cls, uri: str, images: str | None = None) -> Self | str:
        """Return MIMIC-CXR for its zip, its tree or the directory that holds either; else why not.

        Raises:
            ArchiveError: the zip or the exceptions are damaged, or the images are in no MIMIC tree.
        """
        path = Path(os.path.realpath(uri))
        try:
            mode = path.stat().st_mode
            if stat.S_ISDIR(mode):
                home, reports = path, _reports_of(path)
                if not reports:
                    return f"the directory holds neither {ZIP} nor reports such as {_EXAMPLE}"
            elif stat.S_ISREG(mode) and is_zip(path):
                home, reports = path.parent, path
                if not any(_REPORT.search(name) for name in zip_names(path)):
                    return f"the zip holds no report such as {_EXAMPLE}"
            else:
                return "neither a zip nor a directory"
            pictures = _tree_of_images(Path(images)) if images else None
            folders = [home.parent if home.name == "files" else home]
            if pictures:
                folders.insert(0, pictures.parent if pictures.name == "files" else pictures)
            by_hand = folders[-1] / EXCEPTIONS
            return cls(
                reports,
                str(path),
                pictures,
                find_tables(folders),
                tuple(read_exceptions(by_hand).items()) if by_hand.exists() else (),
            )
        except OSError as error:
            return f"{error.filename or path}: {error.strerror}"

    def index(self) -> pa.Table:
        """Return INDEX_SCHEMA, the reports as the archive has them, then studies without one."""
        listed = read_tables(self.tables)
        by_hand = dict(self.exceptions)
        rows: list[dict[str, Any]] = []
        seen: Counter[str] = Counter()
        for member in members(self.path, SUFFIX):
            if not (who := _who(member.name)):
                continue
            study_id, subject_id, problem = who
            known, hand_set = listed.get(study_id), by_hand.get(study_id)
            problem = member.problem or problem
            if known and not problem and known.subject_id != subject_id:
                problem = f"{known.table.name} gives its patient as {known.subject_id}"
            seen[study_id] += 1
            if seen[study_id] > 1:  # kept, and refused by read(): nothing vanishes
                problem = DUPLICATE_ID
                study_id = f"{study_id}#{seen[study_id]}"
            rows.append(self._row(study_id, subject_id, member, problem, known, hand_set))
        if not rows:
            raise ArchiveError(
                f"{self.path} holds no report such as {_EXAMPLE}: fetch it again; "
                "links to directories are not followed"
            )
        for study_id in sorted(listed.keys() - seen.keys()):
            known = listed[study_id]
            problem = f"no report, though {known.table.name} names it: fetch the reports again"
            absent = Member(str(known.table), _report_name(known.subject_id, study_id), 0, 0)
            rows.append(self._row(study_id, known.subject_id, absent, problem, known, None))
        return pa.Table.from_pylist(rows, schema=INDEX_SCHEMA)

    def read(self, records: Iterable[Record]) -> Iterator[Study | Unreadable]:
        """Yield one Study or Unreadable per record."""
        by_hand = dict(self.exceptions)
        for record in records:
            if record["problem"]:
                yield Unreadable(record, record["problem"])
                continue
            data = read_member(self.path, record)
            try:
                report = data.decode()
                found = sections(report, by_hand.get(record["study_id"]))
            except UnicodeDecodeError as error:
                yield Unreadable(record, f"not UTF-8 at byte {error.start}: save it as UTF-8")
                continue
            except ValueError as error:
                yield Unreadable(record, f"{error}: correct {EXCEPTIONS}")
                continue
            yield study_of(record, report, found)

    def _row(
        self,
        study_id: str,
        subject_id: str,
        member: Member,
        problem: str | None,
        known: Listed | None,
        exception: HandSet | None,
    ) -> dict[str, Any]:
        views = known.views if known else {}
        files = self._image_files(subject_id, study_id)
        image_ids = sorted(views.keys() | files.keys())
        study_date = known.study_date if known else None
        # Sizes stand for the bytes: to hash 377,110 images would take longer than the extraction.
        seen = [(i, views.get(i), files[i][1] if i in files else None) for i in image_ids]
        content = digest(member.data)
        return {
            "study_id": study_id,
            "subject_id": subject_id,
            "archive": self.name,
            "study_date": study_date,
            "split": known.split if known else None,
            "source": member.source,
            "member": member.name,
            "offset": member.offset,
            "length": member.length,
            "images": [
                {
                    "image_id": i,
                    "view_position": views.get(i),
                    "location": files[i][0] if i in files else None,
                }
                for i in image_ids
            ],
            "content": content,
            "problem": problem,
            "fingerprint": digest(
                content.encode(),
                repr((RULES, subject_id, problem, study_date, seen, exception)).encode(),
            ),
        }

    def _image_files(self, subject_id: str, study_id: str) -> dict[str, tuple[str, int]]:
        """Return location and size in bytes of the images at hand of a study, by dicom_id."""
        if not self.images:
            return {}
        found: dict[str, tuple[str, int]] = {}
        folder = self.images / _report_name(subject_id, study_id).removesuffix(SUFFIX)
        try:
            with os.scandir(folder) as entries:
                matches = [(m, e) for e in entries if (m := _IMAGE.fullmatch(e.name))]
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as error:
            raise ArchiveError(f"cannot list {folder}: {error.strerror}") from error
        for match, entry in sorted(matches, key=lambda m: -_PREFERRED.index(m[0][2])):
            try:
                status = entry.stat()
            except OSError:  # a link to what is gone
                continue
            if stat.S_ISREG(status.st_mode):
                found[match[1]] = (entry.path, status.st_size)
        return found


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


def _reports_of(path: Path) -> Path | None:
    """Return where the reports of a directory are: its zip, or the directory of p10, p11, ..."""
    if (path / ZIP).is_file():
        return path / ZIP
    pattern = f"p[0-9][0-9]/p{'[0-9]' * 8}/s*{SUFFIX}"
    return next((tree for tree in (path / "files", path) if any(tree.glob(pattern))), None)


def _tree_of_images(path: Path) -> Path:
    """Return the directory of p10, p11, ... at or below a directory of images."""
    if not path.is_dir():
        raise ArchiveError(f"no directory of images at {path}: check --images")
    tree = path / "files" if (path / "files").is_dir() else path
    if not any(re.fullmatch(r"p\d\d", name) for name in os.listdir(tree)):
        raise ArchiveError(
            f"no images such as p10/p10000032/s50414267/<dicom_id>.jpg in {path}: check --images"
        )
    return tree.resolve()
