"""Archives of studies: `open_archive(uri)` is the one door; README.md says how to add a format."""

from __future__ import annotations

from radkg.archive.base import Archive
from radkg.archive.folder import ReportFolder
from radkg.archive.mimic import MimicCXR
from radkg.archive.openi import OpenI
from radkg.archive.table import ReportTable
from radkg.errors import ArchiveError

__all__ = ["FORMATS", "Archive", "open_archive"]

# To add a format: write radkg/archive/<format>.py with a class that follows `Archive` in base.py,
# and name it here. The first whose `recognise` returns an archive reads it: MIMIC-CXR knows its
# own by a few names, Open-i looks through the whole directory, and any folder may hold a .txt file.
FORMATS = (MimicCXR, OpenI, ReportTable, ReportFolder)


def open_archive(uri: str, images: str | None = None) -> Archive:
    """Return the archive at `uri`: a name such as `openi`, or a path.

    Args:
        uri: `openi` for the reports inside the installed torchxrayvision wheel; the path of a tar,
            a tar.gz, a zip or a directory of Open-i XML files; or of MIMIC-CXR's
            mimic-cxr-reports.zip, its tree of text files, or the directory that holds either; or of
            a table of reports (CSV, TSV, JSON lines, Parquet) or a folder of .txt files.
        images: directory with the images: of Open-i named <image_id>.jpg, .jpeg, .png or .dcm, of
            MIMIC-CXR in its tree, p10/p10000032/s50414267/<dicom_id>.jpg, .png or .dcm, of a table
            as it names them.

    Raises:
        ArchiveError: nothing is there, or no format recognises it; the message says why not.
    """
    if not uri:
        raise ArchiveError("no archive is named: give `openi` or a path")
    refusals = []
    for archive_format in FORMATS:
        found = archive_format.recognise(uri, images)
        if not isinstance(found, str):
            return found
        refusals.append(f"not {archive_format.name}: {found}")
    raise ArchiveError(f"no archive at {uri!r}: " + "; ".join(refusals))
