"""One worker's side of a run: read a unit's studies, extract them, commit one object.

Plain Python, so that Ray is only in data.py. A unit that was begun twice and never finished killed
its process, or hung until it was killed: it is then run study by study in a child (alone.py), and
the study that does it is a failed row.
"""

from __future__ import annotations

import faulthandler
from collections.abc import Mapping, Sequence
from typing import Any

from radkg.archive import Archive
from radkg.cluster.alone import Limits, Which, one_by_one
from radkg.errors import ClusterError, RadkgError
from radkg.extractor import extract_rows, load_extractor
from radkg.run.journal import Journal
from radkg.schema.arrow import to_table
from radkg.schema.records import Extraction
from radkg.storage import open_storage

MAX_ATTEMPTS = 2  # whole-unit attempts before a unit is run study by study
SHOWN_REASONS = 3
_STDERR = 2  # Python's own stderr may be anything here


class UnitWorker:
    """Extracts units and commits them; made once per actor.

    Args:
        archive: where the studies are.
        extractor: name and condition.
        model_id: what it must be.
        out: the run's storage.
        limits: of time and memory.
    """

    def __init__(
        self, archive: Archive, extractor: Which, model_id: str, out: str, limits: Limits
    ) -> None:
        self._archive = archive
        self._which = extractor
        self._limits = limits
        self._extractor = load_extractor(*extractor)
        if self._extractor.model_id != model_id:
            raise ClusterError(
                f"this worker has another version of {extractor[0]}: {self._extractor.model_id} "
                f"instead of {model_id}: install the same radkg on every node"
            )
        self._journal = Journal(open_storage(out), model_id)
        limits.bound_memory()

    def __call__(self, unit_id: str, records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Commit one unit; return its counts and the first reasons of failed studies."""
        rows = None
        if self._journal.begin(unit_id) < MAX_ATTEMPTS:
            rows = self._together(records)
        if rows is None:
            job = (self._archive, self._which, self._limits)
            rows = list(one_by_one(self._extractor, job, records))
        self._journal.commit(unit_id, to_table(rows))
        reasons = [f"{row.study_id}: {row.reason}" for row in rows if row.status == "failed"]
        return {"studies": len(rows), "failed": len(reasons), "reasons": reasons[:SHOWN_REASONS]}

    def _together(self, records: Sequence[Mapping[str, Any]]) -> list[Extraction] | None:
        """Return the rows of a unit; None where it cannot be read as a whole.

        A unit that hangs ends this process, which says where it hung on stderr.
        """
        # not a thread of Python, which would not get to run while a regular expression does
        seconds = self._limits.unit_s(len(records))
        faulthandler.dump_traceback_later(seconds, exit=True, file=_STDERR)
        try:
            return extract_rows(self._extractor, self._archive.read(records))
        except RadkgError:  # of the archive or the storage, of no study
            raise
        except Exception:  # of a study that the archive cannot read: which one, the child finds out
            return None
        finally:
            faulthandler.cancel_dump_traceback_later()
