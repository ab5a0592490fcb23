"""Make a review sheet: studies drawn from a published snapshot, their triplets and their images."""

from __future__ import annotations

import io
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

from radkg.archive.images.pixels import read_image
from radkg.errors import ArchiveError, ConfigError
from radkg.review.html import write_review_html
from radkg.review.sheet import make_rows, write_csv
from radkg.run.retractions import hide_retracted
from radkg.run.run import Run
from radkg.run.studies import StudyReader
from radkg.schema.answer import Cell
from radkg.schema.arrow import from_table
from radkg.schema.records import Study
from radkg.storage import LocalStorage

SHOWN_SIDE = 900  # px, the longer side of an embedded image
_QUALITY = 85  # of JPEG
_FORMATS = (".csv", ".html")


class Sheet(NamedTuple):
    """The numbers of studies, triplets and images of a sheet, and the problems with images."""

    file: str
    snapshot: str
    studies: int
    triplets: int
    images: int
    problems: list[str]


def make_sheet(
    out: str,
    file: Path,
    *,
    num_studies: int,
    seed: int = 0,
    archive: str | None = None,
    images: str | None = None,
) -> Sheet:
    """Write a review sheet of studies with triplets; the same arguments give the same bytes.

    Args:
        out: directory or s3:// address of the run.
        file: the file to write; `.csv` for a spreadsheet, `.html` for a page that works offline.
        num_studies: number of studies to draw at random from the visible snapshot, among those
            with at least one triplet.
        seed: seed of the draw.
        archive: address of the archive; None: the archive of the run.
        images: directory with the archive's images, for `.html`; None: the directory of
            the run.

    Raises:
        ConfigError: the file has another ending, or there are fewer studies with triplets.
        SnapshotError: nothing is published, or a report differs from the one that was extracted.
    """
    check_format(file)
    run = Run(out)
    snapshot = run.read_snapshot()
    tables = hide_retracted(snapshot).read_tables()
    rows = [row for table in tables for row in from_table(table) if row.relations]
    drawn = draw_rows(rows, num_studies, seed, "a triplet")
    pairs = StudyReader(run.storage, archive, images).read_pairs(drawn)
    cells = [make_rows(snapshot.snapshot_id, *pair) for pair in pairs]
    shown: dict[tuple[str, str], bytes] = {}
    problems: list[str] = []
    if file.suffix.lower() == ".csv":
        # the mark at the beginning tells spreadsheets that it is UTF-8
        data = write_csv([row for rows in cells for row in rows]).encode("utf-8-sig")
    else:
        shown, problems = scale_images(study for study, _ in pairs)
        about: dict[str, Cell] = {
            "snapshot": snapshot.snapshot_id,
            "archive": snapshot.archive,
            "extractor": snapshot.extractor,
            "model id": str(snapshot.manifest["model_id"]),
            "seed": seed,
        }
        data = write_review_html(file.stem, about, pairs, cells, shown).encode()
    LocalStorage(file.resolve().parent).write(file.name, data)
    num_triplets = sum(map(len, cells))
    return Sheet(str(file), snapshot.snapshot_id, len(pairs), num_triplets, len(shown), problems)


def check_format(file: Path) -> None:
    """Raise ConfigError for a file that ends like no sheet."""
    if file.suffix.lower() not in _FORMATS:
        raise ConfigError(f"no sheet as {file.name!r}: end it with {' or '.join(_FORMATS)}")


class _OfStudy(Protocol):
    @property
    def study_id(self) -> str: ...


Row = TypeVar("Row", bound=_OfStudy)


def draw_rows(rows: Sequence[Row], num_studies: int, seed: int, what: str) -> list[Row]:
    """Return some of the rows, drawn by chance, sorted by study_id.

    Args:
        rows: one for each study.
        num_studies: how many.
        seed: of the draw.
        what: each of the studies has.

    Raises:
        ConfigError: there are not as many.
    """
    if not 1 <= num_studies <= len(rows):
        raise ConfigError(f"--studies {num_studies}: the run has {len(rows)} studies with {what}")
    by_id = sorted(rows, key=lambda row: row.study_id)
    drawn = random.Random(seed).sample(by_id, num_studies)
    return sorted(drawn, key=lambda row: row.study_id)


def scale_images(studies: Iterable[Study]) -> tuple[dict[tuple[str, str], bytes], list[str]]:
    """Return the readable images as JPEG, scaled down, and the reasons why others are missing."""
    shown, problems = {}, []
    for study in studies:
        for image in study.images:
            if image.location is None:
                continue
            try:
                shown[study.study_id, image.image_id] = scale_image(image.location)
            except ArchiveError as error:
                problems.append(str(error))
    return shown, problems


def scale_image(location: str, side: int = SHOWN_SIDE) -> bytes:
    """Return an image of an archive as JPEG, its longer side at most `side` pixels.

    Raises:
        ArchiveError: the file is missing, or is no image.
    """
    from PIL import Image  # here, because a sheet as CSV needs no Pillow

    image = Image.fromarray((read_image(location) * 255).round().astype("uint8"))
    image.thumbnail((side, side))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()
