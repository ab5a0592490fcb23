"""What the graph holds of a draft, as one nested row: what is loaded, compared and read back.

    study     key of the study that the draft is of
    draft     properties of its Draft, `digest`, `snapshot_id` and `num_claims` included; sentences
              are three lists, `sentence_starts`, `sentence_ends` and `sentence_origins`
    claims    properties of its Claims, in the order of the plan; `sentences` are the places of
              those sentences that state the claim, from 0

A claim names its finding and is linked to no Concept: a draft is no observed fact, and what asks
for findings walks to none. As in rows/nested.py there are no nulls.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from radkg.graph.rows.digests import compute_digests
from radkg.graph.rows.nested import GraphRow, check_keys, drop_nulls, encode
from radkg.schema.draft_table import DRAFT_SCHEMA

DRAFT_FORMAT = 1  # part of every digest: a new shape of the graph replaces every draft
SOURCE = "image"  # what a draft is written from

_OF_DRAFT = (
    *("archive", "reporter", "text", "status", "reason", "dropped", "model_id"),
    *("study_fingerprint", "radkg_version", "digest"),
)


def build_draft_ledger_key(archive: str, reporter: str) -> str:
    """Return DraftLoad.key."""
    return f"{archive}|{reporter}"


def add_draft_digests(table: pa.Table) -> pa.Table:
    """Return rows of the draft table with `digest`, of all but the snapshot that they stand in."""
    return table.append_column("digest", compute_digests(table, DRAFT_FORMAT, DRAFT_SCHEMA))


def list_draft_keys(table: pa.Table) -> tuple[list[str], list[str]]:
    """Return the keys of the studies, and of the drafts, of rows of the draft table.

    Raises:
        GraphError: an id is too long to be a key.
    """
    table = table.combine_chunks()
    study = pc.binary_join_element_wise(table["archive"], table["study_id"], "/")
    draft = pc.binary_join_element_wise(study, table["reporter"], "|")
    return study.to_pylist(), check_keys(draft).to_pylist()


def nest_drafts(table: pa.Table, snapshot_id: str, size: int) -> Iterator[list[GraphRow]]:
    """Yield the nested rows of a table with digests, `size` at a time."""
    for at in range(0, table.num_rows, size):
        rows = table.slice(at, size)
        studies, drafts = list_draft_keys(rows)
        yield [
            _nest(row, study, draft, snapshot_id)
            for row, study, draft in zip(rows.to_pylist(), studies, drafts, strict=True)
        ]


def encode_draft(row: GraphRow) -> list[bytes]:
    """Return the row in a form that only an equal row has; a graph keeps no order of claims."""
    return [encode(row["study"]), encode(row["draft"]), *sorted(map(encode, row["claims"]))]


def _nest(row: dict[str, Any], study: str, draft: str, snapshot_id: str) -> GraphRow:
    sentences, plan = row["sentences"], row["plan"]
    lists = {
        f"sentence_{name}s": [sentence[name] for sentence in sentences] or None
        for name in ("start", "end", "origin")
    }
    stated = [[i for i, s in enumerate(sentences) if n in s["claims"]] for n in range(len(plan))]
    own = {"key": draft, "source": SOURCE, "snapshot_id": snapshot_id, "num_claims": len(plan)}
    return {
        "study": study,
        "draft": drop_nulls({**{name: row[name] for name in _OF_DRAFT}, **lists, **own}),
        "claims": [
            drop_nulls(
                {
                    **claim,
                    "ordinal": number,
                    "confidence": claim["confidence"] + 0.0,  # no -0.0: it equals 0.0
                    "box": claim["box"] and [share + 0.0 for share in claim["box"]],
                    "sentences": stated[number] or None,
                }
            )
            for number, claim in enumerate(plan)
        ],
    }
