"""Archives of studies: `open_archive(uri)` opens each of the formats that README.md lists."""

from __future__ import annotations

from pathlib import Path

from radkg.archive.base import Archive, NearRefusal
from radkg.archive.files.places import Place, S3Path, open_place
from radkg.archive.formats.chexpert_plus import CheXpertPlus
from radkg.archive.formats.folder import ReportFolder
from radkg.archive.formats.mimic import MimicCXR
from radkg.archive.formats.openi import OpenI
from radkg.archive.formats.padchest import PadChest
from radkg.archive.formats.radgraph_json import RadGraphReports
from radkg.archive.formats.table import ReportTable
from radkg.errors import ArchiveError

__all__ = ["FORMATS", "Archive", "open_archive"]

# To add a format: write radkg/archive/formats/<format>.py with a class derived from `Archive` of
# base.py, and name the class here. The first format whose `recognise` returns an archive reads it,
# so the order counts: the first three know their own by a few names, Open-i looks through a whole
# directory for its files, any table may have the two columns, and any folder may hold a .txt file.
FORMATS = (
    MimicCXR,
    CheXpertPlus,
    PadChest,
    OpenI,
    RadGraphReports,
    ReportTable,
    ReportFolder,
)

_SHEETS = (".xlsx", ".xlsm", ".xls", ".ods")  # a zip of XML files, as an archive of Open-i is
_KNOWN = (
    f"the formats are {', '.join(archive_format.name for archive_format in FORMATS)}: "
    "radkg/archive/README.md says what each expects"
)


def open_archive(uri: str, images: str | None = None) -> Archive:
    """Return the archive at `uri`: a name such as `openi`, or a path.

    Args:
        uri: a local path, s3://bucket/key, or `openi` or `padchest` for the reports inside the
            installed torchxrayvision wheel. `takes` of each format says what may be there.
        images: a local path or s3://bucket/key: a directory, a zip, a tar or a tar.gz with the
            images, or a directory that holds several of these; of Open-i named <image_id>.jpg,
            .jpeg, .png or .dcm, of MIMIC-CXR in its tree,
            p10/p10000032/s50414267/<dicom_id>.jpg, .png or .dcm, of a table as the table names
            them.

    Raises:
        ArchiveError: nothing is there, S3 does not answer or refuses, or no format recognises it;
            the message says the cause first, then why it is none of each format.
    """
    if not uri:
        raise ArchiveError("no archive is named: give `openi` or a path")
    place = open_place(uri)
    if isinstance(place, S3Path) and not place.exists():
        raise ArchiveError(f"nothing is at {uri}: check the bucket and the key")
    if place.suffix.lower() in _SHEETS:
        raise ArchiveError(
            f"no archive at {uri!r}: a {place.suffix} file is no table that radkg reads: save the "
            f"sheet as CSV UTF-8 ({_KNOWN})"
        )
    refusals: list[str] = []
    near: list[str] = []
    for archive_format in FORMATS:
        found = archive_format.recognise(uri, images)
        if not isinstance(found, str):
            return found
        if isinstance(found, NearRefusal):
            near.append(found)
        else:
            refusals.append(f"not {archive_format.name}: {found}")
    raise ArchiveError(f"no archive at {uri!r}: {_find_cause(place, near, refusals)} ({_KNOWN})")


def _find_cause(place: Place, near: list[str], refusals: list[str]) -> str:
    """Return why nothing can be read at a place: by the format whose form it has, else by each."""
    if near:
        return "; ".join(near)
    try:
        if isinstance(place, Path):
            place.stat()
        if place.is_dir() and not any(place.iterdir()):
            return "the directory is empty: check the path"
        is_folder = place.is_dir()
    except FileNotFoundError:
        return "nothing is there: check the path"
    except OSError as error:
        return f"cannot read it: {error.strerror or error}: check the path"
    if is_folder:
        cause = "the directory holds no reports of a known format"
    elif place.suffix:
        cause = f"no format reads this {place.suffix.lower()} file: name a table .csv, .tsv, .jsonl"
    else:
        cause = "the file has no ending such as .csv: name it by what it is"
    return f"{cause}; it is {'; '.join(refusals)}"
