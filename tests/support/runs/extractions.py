"""Invented extractions with a Zipf vocabulary, and a snapshot of them in memory."""

from __future__ import annotations

import functools
import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import pyarrow as pa

from radkg.schema import arrow
from radkg.schema.records import Entity, Extraction, Label, Relation, RelationType
from radkg.storage import Storage, open_storage

_LABELS: tuple[Label, ...] = ("ANAT-DP", "OBS-DP", "OBS-DA", "OBS-U")
_LABEL_WEIGHTS = (45, 35, 15, 5)
_TYPES: tuple[RelationType, ...] = ("modify", "located_at", "suggestive_of")
_TYPE_WEIGHTS = (51, 45, 4)


def invent(
    num_studies: int,
    *,
    seed: int = 0,
    entities: int = 30,
    relations: int = 20,
    vocabulary: int = 2000,
    names: Sequence[str] = (),
    first: int = 0,
    archive: str = "invented",
    extractor: str = "rules",
    model_id: str = "m1",
) -> list[Extraction]:
    """Return that many extractions, sorted by study_id; equal arguments, equal extractions.

    `names` are the most frequent concepts, the most frequent first; `first` numbers the studies.
    """
    random_ = random.Random(seed)
    weights = [1 / rank for rank in range(1, vocabulary + 1)]
    words = [*names, *(f"concept {i}" for i in range(len(names), vocabulary))]
    found = []
    for number in range(first, first + num_studies):
        chosen = random_.choices(words, weights, k=entities)
        labels = random_.choices(_LABELS, _LABEL_WEIGHTS, k=entities)
        mentions = tuple(
            Entity(
                text=name,
                label=label,
                concept=name,
                start=20 * i,
                end=20 * i + len(name),
                section="findings",
                confidence=random_.random(),
            )
            for i, (name, label) in enumerate(zip(chosen, labels, strict=True))
        )
        pairs = [random_.sample(range(entities), 2) for _ in range(relations)]
        kinds = random_.choices(_TYPES, _TYPE_WEIGHTS, k=relations)
        found.append(
            Extraction(
                study_id=f"s{number:07d}",
                subject_id=f"p{number // 3:07d}",
                archive=archive,
                study_date=date(2020, 1, 1) + timedelta(days=number % 365),
                status="ok",
                reason=None,
                entities=mentions,
                relations=tuple(
                    Relation(head, tail, kind, confidence=random_.random())
                    for (head, tail), kind in zip(pairs, kinds, strict=True)
                ),
                extractor=extractor,
                model_id=model_id,
                condition="report",
                study_fingerprint=f"f{number}",
                radkg_version="0",
            )
        )
    return found


@dataclass
class InventedSnapshot:
    """What a published snapshot offers, over extractions of one archive and extractor."""

    extractions: Sequence[Extraction]
    archive: str = "invented"
    extractor: str = "rules"
    rows_per_table: int = 1000

    @property
    def storage(self) -> Storage:
        return open_storage("no such place")  # nothing was published before

    @property
    def num_studies(self) -> int:
        return len(self.extractions)

    @functools.cached_property
    def snapshot_id(self) -> str:
        data = b"".join(arrow.to_parquet(table) for table in self.read_tables())
        return hashlib.blake2b(data, digest_size=16).hexdigest()

    def read_tables(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        rows = sorted(self.extractions, key=lambda extraction: extraction.study_id)
        for at in range(0, len(rows), self.rows_per_table):
            table = arrow.to_table(rows[at : at + self.rows_per_table])
            yield table if columns is None else table.select(columns)
