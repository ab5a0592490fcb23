"""Plan a run: the index minus what stands, cut into immutable, content-addressed units of work.

A unit's id hashes the schema, the model and the sorted (study, fingerprint) pairs, so the same work
has the same name in every run, and a changed study or model can never meet an old result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from radkg.schema.arrow import SCHEMA_VERSION


@dataclass(frozen=True, slots=True)
class Unit:
    """Studies that are read and committed together; `records` are rows of INDEX_SCHEMA."""

    unit_id: str
    records: tuple[Mapping[str, Any], ...]


def plan_units(
    records: Sequence[Mapping[str, Any]],
    standing: Mapping[str, str],
    model_id: str,
    unit_size: int,
    version: str = SCHEMA_VERSION,
) -> list[Unit]:
    """Return the units that are not covered by what stands, in the order of the index.

    Args:
        records: rows of INDEX_SCHEMA, one per study.
        standing: study_id -> study_fingerprint of the rows that this model has already published.
        model_id: identity of the model.
        unit_size: mean number of studies in a unit, >= 1; none has more than twice as many. It
            changes the units, never the published bytes.
        version: of the schema of the rows.
    """
    if unit_size < 1:
        raise ValueError(f"unit_size must be at least 1, not {unit_size}")
    todo = [r for r in records if standing.get(r["study_id"]) != r["fingerprint"]]
    units: list[Unit] = []
    batch: list[Mapping[str, Any]] = []
    for record in todo:
        batch.append(record)
        if _ends_unit(record["study_id"], unit_size) or len(batch) == 2 * unit_size:
            units.append(Unit(_unit_id(batch, model_id, version), tuple(batch)))
            batch = []
    if batch:
        units.append(Unit(_unit_id(batch, model_id, version), tuple(batch)))
    return units


def _ends_unit(study_id: str, unit_size: int) -> bool:
    """Tell whether a unit ends here: the study says so, not the count.

    So a study that comes or goes changes its own unit, and the finished ones around it still fit.
    """
    digest = blake2b(study_id.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % unit_size == 0


def _unit_id(records: Sequence[Mapping[str, Any]], model_id: str, version: str) -> str:
    digest = blake2b(f"{version}\0{model_id}".encode(), digest_size=16)
    for study_id, fingerprint in sorted((r["study_id"], r["fingerprint"]) for r in records):
        digest.update(f"\0{study_id}\0{fingerprint}".encode())
    return digest.hexdigest()
