"""PadChest: one CSV with a row per image and the report of its study, in stemmed Spanish.

Layout: Bustos et al., Medical Image Analysis 2020. Without a path it reads the copy inside the
installed torchxrayvision wheel. The rows of a study are joined; human and machine labels are left
alone. Missing values are the words None and nan.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from radkg.archive.files.places import open_place
from radkg.archive.files.wheel import find_wheel_data
from radkg.archive.formats.joining import RowDescription
from radkg.archive.formats.person import compute_age, parse_sex
from radkg.archive.formats.rows import Values
from radkg.archive.formats.tabular import TableArchive, find_delimited, parse_date
from radkg.archive.images.listing import open_image_place
from radkg.schema.records import Section

FILE = "PADCHEST_chest_x_ray_images_labels_*.csv*"
_NEEDED = ("ImageID", "ImageDir", "StudyDate_DICOM", "StudyID", "PatientID", "Projection", "Report")
_MISSING = ("None", "nan")
_VIEWS = {"L": "LATERAL", "AP_horizontal": "AP", "UNK": None, "": None}  # others as they are


@dataclass(frozen=True)
class PadChest(TableArchive):
    """PadChest, and the images where there are any: in their numbered folders or all in one."""

    name: str = "padchest"

    takes: ClassVar[str] = (
        "the word `padchest`, a .csv, or the directory that holds "
        "`PADCHEST_chest_x_ray_images_labels_*.csv`"
    )

    @classmethod
    def recognise(cls, uri: str, images: str | None = None) -> Self | str:
        """Return PadChest for `padchest`, its CSV or the directory that holds it; else why not."""
        path = find_wheel_data() if uri == "padchest" else open_place(uri)
        rows = find_delimited(path, FILE, _NEEDED)
        if isinstance(rows, str):
            return rows
        return cls(rows, uri if uri == "padchest" else str(path), open_image_place(images))

    def describe(self, row: Values) -> RowDescription:
        """Return whose study a row is of, and what belongs to the study."""
        image, folder, view = _known(row, "ImageID"), _known(row, "ImageDir"), row["Projection"]
        study_id, study_date = _known(row, "StudyID"), parse_date(_known(row, "StudyDate_DICOM"))
        return RowDescription(
            study_id,
            _known(row, "PatientID") or study_id,
            study_date,
            images=((image, _VIEWS.get(view, view), (f"{folder}/{image}", image)),)
            if image
            else (),
            age=compute_age(study_date, row.get("PatientBirth", "").strip()),
            sex=parse_sex(row.get("PatientSex_DICOM", "")),
        )

    def read_report(self, row: Values) -> tuple[str, tuple[Section, ...]]:
        """Return the report of a row as one section: it has no headings."""
        report = _known(row, "Report")
        return report, (Section("full report", 0, len(report)),) if report else ()


def _known(row: Values, column: str) -> str:
    value: str = row[column].strip()
    return "" if value in _MISSING else value
