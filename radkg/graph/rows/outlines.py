"""Outlines of studies: a key, a digest and how much there is, for what needs no row to be compared.

Those of published rows are columns made of columns, those of a graph one result: a population of
200,000 studies is two tables of 20 MB.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from radkg.graph.rows.nested import LISTS, add_digests
from radkg.schema.findings import list_findings

OUTLINE = pa.schema(
    [
        *((name, pa.string()) for name in ("study_id", "key", "digest", "patient")),
        *((name, pa.int64()) for name in LISTS),
    ]
)
"""id and key of the study, digest of its extraction, key of its patient, numbers of
mentions, relations, findings"""


def compute_outlines(tables: Iterable[pa.Table]) -> pa.Table:
    """Return the outlines of rows of the extraction table, in their order."""
    parts = (part for table in tables for part in add_digests(table).to_batches())
    return pa.Table.from_batches(
        [build_outline(part, list_findings(part, ("concept",))) for part in parts], OUTLINE
    )


def select_standing(tables: Iterable[pa.Table], stored: Mapping[str, str]) -> pa.Table:
    """Return the outlines of those rows whose digests stand in the graph.

    Args:
        tables: rows of the extraction table.
        stored: digests that stand, by key of study.
    """
    outlined = compute_outlines(tables)
    pairs = zip(outlined["key"].to_pylist(), outlined["digest"].to_pylist(), strict=True)
    return outlined.filter(pa.array([stored.get(k) == d for k, d in pairs], pa.bool_()))


def count_outlined(outlined: pa.Table) -> Counter[str]:
    """Return what nested.count_contents does of their rows."""
    numbers = {f"num_{name}": pc.sum(outlined[name], min_count=0).as_py() for name in LISTS}
    return Counter({"num_studies": outlined.num_rows, **numbers})


def build_outline(part: pa.RecordBatch, found: pa.ListArray) -> pa.RecordBatch:
    """Return the outlines of rows with their digests, and the findings of each."""
    mentions, relations, findings = (
        pc.list_value_length(column).cast(pa.int64())
        for column in (part["entities"], part["relations"], found)
    )
    key = pc.binary_join_element_wise(part["archive"], part["study_id"], "/")
    columns = [
        part["study_id"],
        key,
        part["digest"],
        pc.binary_join_element_wise(part["archive"], part["subject_id"], "/"),
        mentions,
        relations,
        findings,
    ]
    return pa.RecordBatch.from_arrays(columns, schema=OUTLINE)
