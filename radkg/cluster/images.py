"""Pictures for a GPU worker: read, decoded and shrunk to the encoder's square beside it, on CPUs.

What travels is the square alone, 16 to 200 kB a picture; the radiograph, of up to 70 MB, never
leaves the process that decodes it. Plain Python, as unit.py. A unit whose pictures ended a process
twice is handed on without them: its worker then reads study by study in a child, pictures included.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from radkg.archive.images.pixels import read_image
from radkg.errors import ArchiveError, ArchiveUnavailable, RadkgError
from radkg.extractor import Picture
from radkg.run.isolation import MAX_ATTEMPTS, Limits
from radkg.run.journal import Journal
from radkg.storage import open_storage

if TYPE_CHECKING:  # it imports torch, which a driver can do without
    from radkg.model.vision.preprocessing import Preprocessing

STEP = ".pictures"  # of a unit, in the journal's attempts

PICTURE = pa.struct(
    [
        ("location", pa.string()),
        ("square", pa.binary()),  # (S, S) float32 in [0, 1]; null: there is none
        ("problem", pa.string()),  # and why
    ]
)


class PictureReader:
    """Reads the pictures of units; made once per actor.

    Args:
        fit: of the encoder that they are for.
        model_id: whose journal counts the attempts.
        out: the run's storage.
        limits: of time and memory.
    """

    def __init__(self, fit: Preprocessing, model_id: str, out: str, limits: Limits) -> None:
        self._fit = fit
        self._journal = Journal(open_storage(out), model_id)
        self._limits = limits
        limits.bound_memory()

    def __call__(
        self, unit_id: str, records: Sequence[Mapping[str, Any]]
    ) -> list[dict[str, Any]] | None:
        """Return a PICTURE for each picture at hand; None: the worker is to read study by study.

        Raises:
            RadkgError: of the archive or the storage, of no picture.
        """
        if self._journal.begin(unit_id, STEP) >= MAX_ATTEMPTS:
            return None
        images = (image for record in records for image in record["images"])
        try:
            with self._limits.watch(len(records)):
                return [self._read(image["location"]) for image in images if image["location"]]
        except RadkgError:
            raise
        except Exception:  # of a decoder, on bytes that nobody foresaw
            return None

    def _read(self, location: str) -> dict[str, Any]:
        square, problem = None, None
        try:
            square = self._fit.square(read_image(location)).numpy().tobytes()
        except ArchiveUnavailable:
            raise
        except ArchiveError as error:
            problem = str(error)
        return {"location": location, "square": square, "problem": problem}


def pictures(found: Iterable[Mapping[str, Any]]) -> dict[str, Picture]:
    """Return by location each picture, or why there is none."""
    return {picture["location"]: _picture(picture) for picture in found}


def _picture(picture: Mapping[str, Any]) -> Picture:
    if picture["square"] is None:
        return str(picture["problem"])
    values = np.frombuffer(picture["square"], np.float32)
    side = round(len(values) ** 0.5)
    return values.reshape(1, side, side).copy()
