"""A population whose concepts follow Zipf's law, as real ones do: a few stand in most studies."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from radkg.run.snapshot import Snapshot, publish
from radkg.schema.arrow import to_table
from radkg.storage import LocalStorage
from tests.support.runs.extractions import invent

# What the named queries ask about by default, and words of severity and sides, among the frequent.
NAMES = (
    *("effusion", "lung", "cardiomegaly", "small", "opacity", "left", "edema", "right", "catheter"),
    *(
        "pneumonia",
        "base",
        "moderate",
        "pleural",
        "large",
        "atelectasis",
        "tube",
        "severe",
        "heart",
    ),
)
_AT_A_TIME = 10_000  # extractions are large in memory, their table is not


def publish_zipf(folder: Path, num_studies: int, *, entities: int = 24) -> Snapshot:
    """Publish that many invented studies, three a patient, with that many entities each."""
    tables = [
        to_table(
            invent(
                min(_AT_A_TIME, num_studies - first),
                seed=first,
                entities=entities,
                relations=entities * 5 // 6,
                names=NAMES,
                first=first,
            )
        )
        for first in range(0, num_studies, _AT_A_TIME)
    ]
    return publish(LocalStorage(folder), pa.concat_tables(tables))
