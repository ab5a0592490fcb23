"""One worker's side of a run: read a unit's studies, extract them, commit one object.

Plain Python, so that Ray is only in data.py. A unit that was begun twice and never finished killed
its process: it is then run study by study in a child, and the study that kills it is a failed row.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

from radkg.archive import Archive
from radkg.errors import ClusterError, RadkgError
from radkg.extractor import Extractor, extract_rows, load_extractor, unreadable_row
from radkg.run.journal import Journal
from radkg.schema.arrow import to_table
from radkg.schema.records import Condition, Extraction, Unreadable
from radkg.storage import open_storage

MAX_ATTEMPTS = 2  # whole-unit attempts before a unit is run study by study
SHOWN_REASONS = 3


class UnitWorker:
    """Extracts units and commits them; made once per actor."""

    def __init__(
        self, archive: Archive, extractor: tuple[str, Condition | None], model_id: str, out: str
    ) -> None:
        self._archive = archive
        self._which = extractor
        self._extractor = load_extractor(*extractor)
        if self._extractor.model_id != model_id:
            raise ClusterError(
                f"this worker has another version of {extractor[0]}: {self._extractor.model_id} "
                f"instead of {model_id}: install the same radkg on every node"
            )
        self._journal = Journal(open_storage(out), model_id)

    def __call__(self, unit_id: str, records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Commit one unit; return its counts and the first reasons of failed studies."""
        if self._journal.begin(unit_id) < MAX_ATTEMPTS:
            rows = extract_rows(self._extractor, self._archive.read(records))
        else:
            rows = list(self._one_by_one(records))
        self._journal.commit(unit_id, to_table(rows))
        reasons = [f"{row.study_id}: {row.reason}" for row in rows if row.status == "failed"]
        return {"studies": len(rows), "failed": len(reasons), "reasons": reasons[:SHOWN_REASONS]}

    def _one_by_one(self, records: Sequence[Mapping[str, Any]]) -> Iterator[Extraction]:
        """Yield a row per record from child processes; one that dies costs the study in hand."""
        todo = list(records)
        while todo:
            job = (self._archive, self._which, todo)
            with subprocess.Popen(
                [sys.executable, "-m", "radkg.cluster.unit"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
            ) as child:
                assert child.stdin is not None
                assert child.stdout is not None
                try:
                    pickle.dump(job, child.stdin)
                    child.stdin.close()
                except BrokenPipeError:  # it died before it read: the loop below says so
                    pass
                done = 0
                for row in _rows(child.stdout):
                    if isinstance(row, RadkgError):  # of the archive or the storage, of no study
                        raise row
                    done += 1
                    yield row
                code = child.wait()
            if done < len(todo):
                reason = f"the study ended its process (exit status {code})"
                yield unreadable_row(self._extractor, Unreadable(todo[done], reason))
            todo = todo[done + 1 :]


def _rows(stream: IO[bytes]) -> Iterator[Extraction | RadkgError]:
    while True:
        try:
            yield pickle.load(stream)
        except (EOFError, pickle.UnpicklingError):
            return


def _child() -> None:
    """Read a job from stdin, write one pickled row per record to what was stdout."""
    results = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever an extractor prints must not mix with the rows
    archive, which, records = pickle.load(sys.stdin.buffer)
    try:
        extractor: Extractor = load_extractor(*which)
        for record in records:
            (row,) = extract_rows(extractor, archive.read([record]))
            pickle.dump(row, results)
            results.flush()
    except RadkgError as error:
        pickle.dump(error, results)
    results.flush()


if __name__ == "__main__":
    _child()
