"""Images for a GPU worker: read, decoded and shrunk to the encoder's square beside it, on CPUs.

Only the square travels, 16 to 200 kB an image; the radiograph, of up to 70 MB, never leaves the
process that decodes it. Plain Python, as run/worker.py. A unit whose images ended a process twice
is handed on without them: its worker then reads study by study in a child, images included.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from radkg.errors import RadkgError
from radkg.extractor import PreparedImage
from radkg.run.images import prepare_images
from radkg.run.isolation import MAX_ATTEMPTS, Limits
from radkg.run.journal import Journal
from radkg.storage import open_storage

if TYPE_CHECKING:  # it imports torch, which a driver can do without
    from radkg.model.vision.preprocessing import Preprocessing

STEP = ".images"  # of a unit, in the journal's attempts

PREPARED_IMAGE = pa.struct(
    [
        ("location", pa.string()),
        ("square", pa.binary()),  # (S, S) float32 in [0, 1]; null: there is none
        ("problem", pa.string()),  # and why
    ]
)


class ImagePreparer:
    """Reads the images of units and prepares them for an encoder; made once per actor.

    Args:
        preprocessing: of the encoder.
        model_id: whose journal counts the attempts.
        out: the run's storage.
        limits: of time and memory.
    """

    def __init__(
        self, preprocessing: Preprocessing, model_id: str, out: str, limits: Limits
    ) -> None:
        self._preprocessing = preprocessing
        self._journal = Journal(open_storage(out), model_id)
        self._limits = limits
        limits.bound_memory()

    def __call__(
        self, unit_id: str, records: Sequence[Mapping[str, Any]]
    ) -> list[dict[str, Any]] | None:
        """Return a PREPARED_IMAGE for each image at hand; None: the worker reads study by study.

        Raises:
            RadkgError: of the archive or the storage, of no image.
        """
        if self._journal.begin(unit_id, STEP) >= MAX_ATTEMPTS:
            return None
        try:
            with self._limits.watch(len(records)):
                found = prepare_images(self._preprocessing, records)
                return [_pack(place, image) for place, image in found.items()]
        except RadkgError:
            raise
        except Exception:  # of a decoder, on bytes that nobody foresaw
            return None


def _pack(location: str, image: PreparedImage) -> dict[str, Any]:
    if isinstance(image, str):
        return {"location": location, "square": None, "problem": image}
    return {"location": location, "square": image.tobytes(), "problem": None}


def read_prepared(found: Iterable[Mapping[str, Any]]) -> dict[str, PreparedImage]:
    """Return the images of PREPARED_IMAGE rows by location, or why there is none."""
    return {row["location"]: _read_one(row) for row in found}


def _read_one(row: Mapping[str, Any]) -> PreparedImage:
    if row["square"] is None:
        return str(row["problem"])
    values = np.frombuffer(row["square"], np.float32)
    side = round(len(values) ** 0.5)
    return values.reshape(1, side, side).copy()
