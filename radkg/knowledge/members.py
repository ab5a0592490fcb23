"""The studies of a snapshot from which a knowledge graph may learn.

Of an archive with splits these are the studies of its training split, for a graph that knows the
test reports helps to write them. Retracted studies are left out, and so are rows that no report
was read for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from radkg.archive import Archive
from radkg.run.retractions import VisibleSnapshot, hide_retracted
from radkg.run.run import Run
from radkg.run.studies import open_archive_of

TRAINING = "train"
_CONDITIONS = ("report", "image+report")  # under which the report was read
_CHOSEN_BY = ("study_id", "status", "condition")


@dataclass(frozen=True)
class Members:
    """Chosen studies of the published snapshot of a run."""

    snapshot: VisibleSnapshot
    archive: Archive
    """with the images that were named"""
    index: pa.Table
    """the rows of the studies in the archive's index (INDEX_SCHEMA)"""
    num_studies: int
    split: str | None
    """None: the archive has no splits"""
    left_out: dict[str, int]
    """published studies that were not chosen, by the reason"""

    def read_tables(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Yield these columns of the published rows of the studies, part by part.

        Raises:
            SnapshotError: a part is missing or damaged.
        """
        study_ids = self.index["study_id"].combine_chunks()
        for table in self.snapshot.read_tables([*columns, "study_id"]):
            yield table.filter(pc.is_in(table["study_id"], study_ids)).select(list(columns))


def find_members(run: Run, images: str | None = None) -> Members:
    """Return the studies of what a run has published that a knowledge graph may learn from.

    Args:
        run: its archive is read for the splits.
        images: where the images of the archive are, as `open_archive` takes it; None: not needed.

    Raises:
        SnapshotError: nothing is published, or it is damaged.
        ArchiveError: the archive is no longer where the run had it.
    """
    snapshot = hide_retracted(run.read_snapshot())
    archive, index = open_archive_of(run.storage, images=images)
    split = TRAINING if index["split"].null_count < index.num_rows else None
    of_split = index if split is None else index.filter(pc.equal(index["split"], split))
    left_out = Counter(retracted=snapshot.num_retracted)
    chosen = [
        _choose(table, index["study_id"], of_split["study_id"], left_out)
        for table in snapshot.read_tables(_CHOSEN_BY)
    ]
    study_ids = pa.concat_arrays([pa.array([], pa.string()), *chosen])
    return Members(
        snapshot,
        archive,
        of_split.filter(pc.is_in(of_split["study_id"], study_ids)),
        len(study_ids),
        split,
        {reason: number for reason, number in sorted(left_out.items()) if number},
    )


def _choose(
    rows: pa.Table, known: pa.ChunkedArray, wanted: pa.ChunkedArray, left_out: Counter[str]
) -> pa.Array:
    """Return the ids of the rows that are chosen, and count the others by the reason."""

    def keep(which: pa.ChunkedArray, otherwise: str) -> None:
        nonlocal rows
        kept = rows.filter(which)
        left_out[otherwise] += rows.num_rows - kept.num_rows
        rows = kept

    keep(pc.equal(rows["status"], "ok"), "empty or failed")
    keep(pc.is_in(rows["condition"], pa.array(_CONDITIONS)), "image alone")
    keep(pc.is_in(rows["study_id"], known.combine_chunks()), "gone from the archive")
    keep(pc.is_in(rows["study_id"], wanted.combine_chunks()), "of no training split")
    return rows["study_id"].combine_chunks()
