"""Make a sheet of drafts: drawn from what a run of drafts has published, with their images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from radkg.errors import SnapshotError
from radkg.review.cells import write_cells
from radkg.review.draft_html import write_draft_review_html
from radkg.review.draft_sheet import DRAFT_COLUMNS, make_draft_rows
from radkg.review.make import check_format, draw_rows, scale_images
from radkg.run.drafts import read_drafts, read_visible_drafts
from radkg.run.run import Run
from radkg.run.settings import CONFIG, DraftConfig, read_config
from radkg.run.snapshot import Snapshot
from radkg.run.studies import StudyReader
from radkg.schema.answer import Cell
from radkg.schema.draft_table import from_draft_row
from radkg.schema.drafts import Draft
from radkg.schema.records import Study
from radkg.storage import LocalStorage


class DraftSheet(NamedTuple):
    """The numbers of drafts, sentences and images of a sheet, and what the reader should know."""

    file: str
    snapshot: str
    drafts: int
    sentences: int
    images: int
    problems: list[str]


def make_draft_sheet(
    out: str,
    drafts: str,
    file: Path,
    *,
    num_studies: int,
    seed: int = 0,
    archive: str | None = None,
    images: str | None = None,
) -> DraftSheet:
    """Write a sheet of drafts that have a text; the same arguments give the same bytes.

    Args:
        out: directory or s3:// address of the run of the studies, whose retractions count.
        drafts: the same of the run of drafts.
        file: the file to write; `.csv` for a spreadsheet, `.html` for a page that works offline.
        num_studies: number of drafts to draw at random.
        seed: seed of the draw.
        archive: address of the archive; None: the archive of the run of the studies.
        images: directory with the archive's images; None: the directory of the run of drafts.

    Raises:
        ConfigError: the file has another ending, the drafts are of another archive, or there are
            fewer drafts with a text.
        SnapshotError: nothing is published, or the archive no longer has a study.
    """
    check_format(file)
    run = Run(out)
    studies = run.read_snapshot()
    snapshot = read_drafts(drafts, studies)
    written = [
        from_draft_row(row)
        for table in read_visible_drafts(snapshot, studies)
        for row in table.to_pylist()
        if row["text"]
    ]
    drawn = draw_rows(written, num_studies, seed, "a draft")
    reader = StudyReader(run.storage, archive, images or _find_images(snapshot))
    pairs = _read_pairs(reader, drawn)
    cells = [make_draft_rows(snapshot.snapshot_id, draft) for _, draft in pairs]
    shown: dict[tuple[str, str], bytes] = {}
    problems = [
        f"study {study.study_id} is not as it was when its draft was written: its report or its"
        " images have changed, or are not at hand"
        for study, draft in pairs
        if study.fingerprint != draft.study_fingerprint
    ]
    if file.suffix.lower() == ".csv":
        # the mark at the beginning tells spreadsheets that it is UTF-8
        rows = [row for rows in cells for row in rows]
        data = write_cells(DRAFT_COLUMNS, rows).encode("utf-8-sig")
    else:
        shown, unreadable = scale_images(study for study, _ in pairs)
        problems += unreadable
        about: dict[str, Cell] = {
            "snapshot": snapshot.snapshot_id,
            "archive": snapshot.archive,
            "reporter": str(snapshot.manifest["reporter"]),
            "model id": str(snapshot.manifest["model_id"]),
            "seed": seed,
        }
        data = write_draft_review_html(file.stem, about, pairs, cells, shown).encode()
    LocalStorage(file.resolve().parent).write(file.name, data)
    num_sentences = sum(len(rows) - 1 for rows in cells)
    return DraftSheet(
        str(file), snapshot.snapshot_id, len(pairs), num_sentences, len(shown), problems
    )


def _find_images(drafts: Snapshot) -> str | None:
    """Return where the run of drafts had its images; None where it has no settings."""
    if not drafts.storage.exists(CONFIG):
        return None
    return read_config(drafts.storage, DraftConfig).images


def _read_pairs(reader: StudyReader, drafts: Sequence[Draft]) -> list[tuple[Study, Draft]]:
    studies = reader.read_studies(draft.study_id for draft in drafts)
    gone = [draft.study_id for draft in drafts if draft.study_id not in studies]
    if gone:
        raise SnapshotError(
            f"study {gone[0]} is not in {reader.uri}, or cannot be read: give the archive of the"
            " drafts (--archive)"
        )
    return [(studies[draft.study_id], draft) for draft in drafts]
