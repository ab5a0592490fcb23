"""Open-i (Indiana University chest X-rays): one XML per study, in a tar, tar.gz, zip or directory.

Without a path it reads the copy inside the installed torchxrayvision wheel, with the DICOM
metadata beside it (study date, view position). Layout and counts: Demner-Fushman et al., JAMIA
2016. It knows nothing of patients over time: in this collection every patient has one study.
"""

from __future__ import annotations

import csv
import gzip
import importlib.resources
import re
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path, PurePosixPath
from typing import ClassVar, Self
from xml.etree.ElementTree import Element, ParseError
from xml.parsers.expat import ErrorString

import defusedxml
from defusedxml.ElementTree import fromstring

from radkg.archive.base import DUPLICATE_ID, Archive, Record, build_study
from radkg.archive.entries import FingerprintOrder, ImageEntry, StudyEntry
from radkg.archive.files.located import is_loose
from radkg.archive.files.members import digest, list_files, list_members, read_members
from radkg.archive.files.messages import sanitize
from radkg.archive.files.places import Place, open_place
from radkg.archive.files.tarred import is_tar, list_tar_names
from radkg.archive.files.wheel import find_wheel_data
from radkg.archive.files.zipped import is_zip, list_zip_names
from radkg.archive.images.listing import list_image_files, open_image_place
from radkg.errors import ArchiveError
from radkg.schema.records import Section, Study, Unreadable

SUFFIX = ".xml"
_MAX_XML = 2 << 20  # bytes; the largest has 13 kB, and a parsed one takes 50 times its size
_IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".dcm"}
_IMAGE_ID = re.compile(rb'<parentImage id="([^"<>]{1,200})"')
_TEXT = re.compile(rb'<AbstractText Label="(?:FINDINGS|IMPRESSION)">([^<]*)<')


@dataclass(frozen=True)
class OpenI(Archive):
    """Open-i at `path`, with DICOM metadata and images where there are any."""

    path: Place
    uri: str
    metadata: Path | None = None
    images: Place | None = None
    name: str = "openi"

    takes: ClassVar[str] = (
        "the word `openi`, or a tar, a tar.gz, a zip or a directory of .xml files"
    )
    reading_version: ClassVar[str | None] = None
    fingerprint_order: ClassVar[FingerprintOrder] = FingerprintOrder(
        ("problem", "study_date", "images"), implied=frozenset({"subject_id"})
    )

    @classmethod
    def recognise(cls, uri: str, images: str | None = None) -> Self | str:
        """Return Open-i for `openi`, a tar(.gz), zip or directory of XML files; else why not."""
        folder = open_image_place(images)
        if uri == "openi":
            data = find_wheel_data()
            return cls(
                data / "NLMCXR_reports.tgz", uri, data / "nlmcxr_dicom_metadata.csv.gz", folder
            )
        path = open_place(uri)
        try:
            mode = path.stat().st_mode
            if stat.S_ISDIR(mode):
                if not any(list_files(path, SUFFIX)):
                    return "the directory holds no .xml file"
            elif not stat.S_ISREG(mode) or not (is_zip(path) or is_tar(path)):
                return "neither a tar, a tar.gz, a zip nor a directory of XML files"
            elif is_zip(path):
                if not any(n.lower().endswith(SUFFIX) for n in list_zip_names(path)):
                    return "the zip holds no .xml file"
            elif not any(n.lower().endswith(SUFFIX) for n in list_tar_names(path)):
                return "the tar holds no .xml file"
        except OSError as error:
            return f"{error.filename or path}: {error.strerror}"
        return cls(path, str(path), None, folder)

    def list_studies(self) -> list[StudyEntry]:
        """Return one entry per XML, in the order of the archive."""
        try:
            dates, views = _dicom_metadata(self.metadata) if self.metadata else ({}, {})
            images = self._find_images()
        except OSError as error:
            raise ArchiveError(f"cannot read {error.filename}: {error.strerror}") from error
        entries: list[StudyEntry] = []
        texts: list[bytes] = []
        seen: Counter[str] = Counter()
        for member in list_members(self.path, SUFFIX):
            study_id = "CXR" + PurePosixPath(member.name).stem.removeprefix("CXR")
            problem = member.problem
            seen[study_id] += 1
            if seen[study_id] > 1:  # stays a row, which read() refuses: no study vanishes
                problem = DUPLICATE_ID
                study_id = f"{study_id}#{seen[study_id]}"
            data = _as_ascii_superset(member.data)
            found = [i.decode("utf-8", "replace") for i in _IMAGE_ID.findall(data)]
            subject_id = study_id.removeprefix("CXR")
            entries.append(
                StudyEntry(
                    study_id=study_id,
                    subject_id=subject_id,
                    study_date=dates.get(subject_id),
                    source=member.source,
                    member=member.name,
                    offset=member.offset,
                    length=member.length,
                    content=digest(member.data),
                    images=[
                        ImageEntry(i, views.get(i), *images.get(i, (None, None))) for i in found
                    ],
                    problem=problem,
                )
            )
            texts.append(b" ".join(b" ".join(_TEXT.findall(data)).lower().split()))
        splits = _splits([entry.study_id for entry in entries], texts)
        for entry, split in zip(entries, splits, strict=True):
            entry.split = split
        if not entries:
            raise ArchiveError(f"{self.path} holds no .xml file: is this the Open-i archive?")
        return entries

    def read(self, records: Iterable[Record]) -> Iterator[Study | Unreadable]:
        """Yield one Study or Unreadable per record."""
        for record, data in read_members(self.path, records):
            tree = self._tree(record, data)
            yield tree if isinstance(tree, Unreadable) else self._study(record, tree)

    def read_codes(self, records: Iterable[Record]) -> dict[str, list[str]]:
        """Return the human MeSH codes (`major`) of each readable study, by study_id."""
        found = {}
        for record, data in read_members(self.path, records):
            tree = self._tree(record, data)
            if not isinstance(tree, Unreadable):
                found[record["study_id"]] = [m.text or "" for m in tree.iterfind(".//MeSH/major")]
        return found

    def _tree(self, record: Record, data: bytes) -> Element | Unreadable:
        if record["problem"]:
            return Unreadable(record, record["problem"])
        if len(data) > _MAX_XML:
            return Unreadable(record, f"XML of {len(data)} bytes, more than {_MAX_XML}")
        try:
            tree: Element = fromstring(data, forbid_dtd=True)
        except ParseError as error:
            line, column = error.position  # the message may name what stands there
            what = f"{ErrorString(error.code)}: line {line}, column {column}"
            return Unreadable(record, f"not well-formed XML: {what}")
        except defusedxml.DefusedXmlException as error:
            return Unreadable(record, f"forbidden XML: {type(error).__name__}")
        except (ValueError, LookupError) as error:  # an encoding that Python or expat lacks
            return Unreadable(record, f"cannot decode the XML: {sanitize(error)}")
        if tree.tag != "eCitation":
            return Unreadable(record, f"root element {sanitize(tree.tag)!r} instead of 'eCitation'")
        return tree

    def _study(self, record: Record, tree: Element) -> Study:
        report, sections = _report(tree)
        return build_study(record, report, sections)

    def _find_images(self) -> dict[str, tuple[str | None, object]]:
        """Return location and stamp by image id; a local file's stamp is a hash of its bytes."""
        if not self.images:
            return {}
        found: dict[str, tuple[str | None, object]] = {}
        for file in list_image_files(self.images):
            name = PurePosixPath(file.name)
            if name.suffix.lower() in _IMAGE_SUFFIXES:
                found[name.stem] = file.location, file.stamp
        if isinstance(self.images, Path) and self.images.is_dir():
            for path in sorted(self.images.iterdir()):
                if path.suffix.lower() in _IMAGE_SUFFIXES and path.is_file():
                    image = path.resolve()
                    if is_loose(str(image)):
                        found[path.stem] = str(image), digest(image.read_bytes())
        return found


def _report(tree: Element) -> tuple[str, tuple[Section, ...]]:
    """Return the report, one `LABEL: text` line per section that has text, and the offsets."""
    parts: list[str] = []
    sections: list[Section] = []
    position = 0
    for element in tree.iterfind(".//Abstract/AbstractText"):
        text = "".join(element.itertext())
        if not text.strip():
            continue
        label = element.get("Label", "TEXT")
        start = position + len(label) + 2
        parts.append(f"{label}: {text}\n")
        sections.append(Section(label.lower(), start, start + len(text)))
        position = start + len(text) + 1
    return "".join(parts), tuple(sections)


def _splits(study_ids: list[str], texts: list[bytes]) -> list[str | None]:
    """Return train, test or None by NegBio's list.

    A test study whose findings and impression occur word for word in train is in neither: the split
    is by text, or 174 of 751 test reports would have been seen in training.
    """
    lines = (
        importlib.resources.files("radkg.archive.formats").joinpath("openi_test.txt").read_text()
    )
    test = {f"CXR{n}" for line in lines.splitlines() if line[:1] != "#" for n in line.split()}
    seen = {text for i, text in zip(study_ids, texts, strict=True) if i not in test}
    return [
        "train" if i not in test else None if text in seen else "test"
        for i, text in zip(study_ids, texts, strict=True)
    ]


def _as_ascii_superset(data: bytes) -> bytes:
    """Return UTF-16 as UTF-8, so that patterns of ASCII bytes match."""
    if data[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        return data
    return data.decode("utf-16", "replace").encode()


def _dicom_metadata(path: Path) -> tuple[dict[str, date], dict[str, str]]:
    """Return study dates by subject and view positions by image id, without the unknown ones."""
    dates: dict[str, date] = {}
    views: dict[str, str] = {}
    with gzip.open(path, "rt", newline="") as file:
        rows = csv.reader(file)
        header = next(rows)
        image, subject, day, view = (
            header.index(c) for c in ("imageid", "Patient ID", "Study Date", "View Position")
        )
        for row in rows:
            if row[view]:
                views[row[image]] = row[view]
            if re.fullmatch(r"\d{8}", row[day]):
                dates.setdefault(row[subject], datetime.strptime(row[day], "%Y%m%d").date())
    return dates, views
