"""What a run publishes: a kind of row, with its schema and what a manifest says of such rows.

Journal, snapshot, changes and prune know no columns but the study's id and fingerprint: another
kind of row, such as generated reports, is another `Kind` and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from radkg.schema.arrow import EXTRACTION_SCHEMA, READABLE, SCHEMA_VERSION, complete_columns
from radkg.schema.draft_table import DRAFT_SCHEMA, DRAFT_VERSION
from radkg.schema.drafts import DRAFT_STATUSES
from radkg.schema.records import CONDITIONS, STATUSES


@dataclass(frozen=True)
class Kind:
    """One kind of row that a run publishes, one row for each study."""

    name: str
    """in the manifest of every kind but the first"""
    schema: pa.Schema
    """has the columns study_id, the key of a row, and study_fingerprint"""
    version: str
    """of the schema"""
    readable: tuple[str, ...]
    """versions that this program reads"""
    shared: tuple[str, ...]
    """columns with one value in a whole snapshot, which the manifest holds; model_id is one"""
    count: Callable[[pa.Table], dict[str, Any]]
    """numbers of rows that the manifest holds"""
    complete: Callable[[pa.Table], pa.Table]
    """brings rows of any readable version under the schema; returns others as they are"""


def _count_extractions(rows: pa.Table) -> dict[str, Any]:
    return {
        "condition": _count_values(rows, "condition", CONDITIONS),
        "status": _count_values(rows, "status", STATUSES),
        "entities": pc.sum(pc.list_value_length(rows["entities"])).as_py(),
        "relations": pc.sum(pc.list_value_length(rows["relations"])).as_py(),
    }


def _count_drafts(rows: pa.Table) -> dict[str, Any]:
    return {
        "status": _count_values(rows, "status", DRAFT_STATUSES),
        "claims": pc.sum(pc.list_value_length(rows["plan"])).as_py(),
        "sentences": pc.sum(pc.list_value_length(rows["sentences"])).as_py(),
        "dropped": pc.sum(rows["dropped"]).as_py(),
    }


def _count_values(rows: pa.Table, column: str, values: tuple[str, ...]) -> dict[str, int]:
    found = {c["values"]: c["counts"] for c in pc.value_counts(rows[column]).to_pylist()}
    return {value: found.get(value, 0) for value in values}


EXTRACTIONS = Kind(
    name="extractions",
    schema=EXTRACTION_SCHEMA,
    version=SCHEMA_VERSION,
    readable=READABLE,
    shared=("archive", "extractor", "model_id"),
    count=_count_extractions,
    complete=complete_columns,
)

DRAFTS = Kind(
    name="drafts",
    schema=DRAFT_SCHEMA,
    version=DRAFT_VERSION,
    readable=(DRAFT_VERSION,),
    shared=("archive", "reporter", "model_id"),
    count=_count_drafts,
    complete=lambda rows: rows,
)
