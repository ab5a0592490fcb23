"""Small archives in Open-i's layout, with invented reports and, on demand, hostile members."""

import io
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from radkg.archive.base import Archive, Record
from radkg.schema.records import Study, Unreadable


@dataclass(frozen=True)
class BreakingArchive:
    """An archive whose reader raises an unforeseen error at one study."""

    archive: Archive
    study_id: str

    def read(self, records: Iterable[Record]) -> Iterator[Study | Unreadable]:
        for record in records:
            if record["study_id"] == self.study_id:
                raise ZeroDivisionError("asked for")
            yield from self.archive.read([record])


FINDINGS = "Small left effusion. No pneumothorax. Heart size is normal."


def make_xml(
    number: int,
    findings: str = FINDINGS,
    impression: str = "Small left effusion.",
    codes: tuple[str, ...] = ("normal",),
    images: tuple[str, ...] = (),
    encoding: str = "utf-8",
) -> bytes:
    """Return one study as Open-i writes it."""
    text = (
        f'<?xml version="1.0" encoding="{encoding}"?>\n<eCitation><uId id="CXR{number}"/>'
        "<MedlineCitation><Article><Abstract>"
        f'<AbstractText Label="COMPARISON"/>'
        f'<AbstractText Label="FINDINGS">{escape(findings)}</AbstractText>'
        f'<AbstractText Label="IMPRESSION">{escape(impression)}</AbstractText>'
        "</Abstract></Article></MedlineCitation><MeSH>"
        + "".join(f"<major>{escape(code)}</major>" for code in codes)
        + "</MeSH>"
        + "".join(f'<parentImage id="{image}"/>' for image in images)
        + "</eCitation>"
    )
    return text.encode(encoding)


def write_tar(path: Path, members: dict[str, bytes], mode: str = "w:gz") -> Path:
    """Write the members as a tar(.gz), in their order."""
    with tarfile.open(path, mode) as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def write_zip(
    path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED
) -> Path:
    """Write the members as a zip, in their order."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def make_studies(count: int, first: int = 1) -> dict[str, bytes]:
    """Return `count` plain studies, each with a text of its own."""
    return {
        f"ecgen-radiology/{n}.xml": make_xml(n, findings=f"{FINDINGS} Rib {n} is intact.")
        for n in range(first, first + count)
    }
