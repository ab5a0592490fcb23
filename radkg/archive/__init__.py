"""Archives of studies: `open_archive(uri)` is the one door; README.md says how to add a format."""

from __future__ import annotations

from radkg.archive.base import Archive
from radkg.archive.files.places import S3Path, open_place
from radkg.archive.formats.chexpert_plus import CheXpertPlus
from radkg.archive.formats.folder import ReportFolder
from radkg.archive.formats.mimic import MimicCXR
from radkg.archive.formats.openi import OpenI
from radkg.archive.formats.padchest import PadChest
from radkg.archive.formats.radgraph_json import RadGraphReports
from radkg.archive.formats.table import ReportTable
from radkg.errors import ArchiveError

__all__ = ["FORMATS", "Archive", "open_archive"]

# To add a format: write radkg/archive/<format>.py with a class that follows `Archive` in base.py,
# and name it here. The first whose `recognise` returns an archive reads it: the first three know
# their own by a few names, Open-i looks through a whole directory for its files, and any table may
# have two columns and any folder a .txt file.
FORMATS = (
    MimicCXR,
    CheXpertPlus,
    PadChest,
    OpenI,
    RadGraphReports,
    ReportTable,
    ReportFolder,
)


def open_archive(uri: str, images: str | None = None) -> Archive:
    """Return the archive at `uri`: a name such as `openi`, or a path.

    Args:
        uri: `openi` or `padchest` for the reports inside the installed torchxrayvision wheel; or a
            local path or s3://bucket/key: a tar, a tar.gz, a zip or a directory of Open-i XML
            files; MIMIC-CXR's mimic-cxr-reports.zip, .tar or .tar.gz, or its tree of text files;
            the CSV of CheXpert Plus or PadChest; the directory that holds one of these; a table of
            reports (CSV, TSV, JSON lines, Parquet) with the columns study_id and report; a folder
            of .txt files; a file or a folder of RadGraph JSON, of which only the texts are read.
        images: a local path or s3://bucket/key: a directory, a zip, a tar or a tar.gz with the
            images, or a directory that holds several of these; of Open-i named <image_id>.jpg,
            .jpeg, .png or .dcm, of MIMIC-CXR in its tree,
            p10/p10000032/s50414267/<dicom_id>.jpg, .png or .dcm, of a table as the table names
            them.

    Raises:
        ArchiveError: nothing is there, S3 does not answer or refuses, or no format recognises it;
            the message says why not.
    """
    if not uri:
        raise ArchiveError("no archive is named: give `openi` or a path")
    found_at = open_place(uri)
    if isinstance(found_at, S3Path) and not found_at.exists():
        raise ArchiveError(f"nothing is at {uri}: check the bucket and the key")
    refusals = []
    for archive_format in FORMATS:
        found = archive_format.recognise(uri, images)
        if not isinstance(found, str):
            return found
        refusals.append(f"not {archive_format.name}: {found}")
    raise ArchiveError(f"no archive at {uri!r}: " + "; ".join(refusals))
