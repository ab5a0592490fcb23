"""Drafts as an Arrow table: one row per draft."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from radkg.schema.arrow import list_identity_fields, make_field, make_nested
from radkg.schema.drafts import Claim, Draft, DraftSentence

DRAFT_VERSION = "1"
_TEXT = pa.string()
CLAIM = pa.struct(
    [
        make_field("finding", _TEXT, "name of a concept"),
        make_field("polarity", _TEXT, "present, uncertain or absent"),
        make_field("site", _TEXT, "name of a concept of anatomy", null=True),
        make_field("side", _TEXT, "left, right or bilateral", null=True),
        make_field("degree", _TEXT, "mild, moderate, severe, ...", null=True),
        make_field("confidence", pa.float64(), "of the planner, in [0, 1]"),
        make_field("image_id", _TEXT, "image that shows it; null: none does", null=True, phi="id"),
        make_field(
            "box",
            pa.list_(pa.field("element", pa.float64(), nullable=False)),
            "left, top, right, bottom in that image, as shares [0, 1] of its sides",
            null=True,
        ),
    ]
)
SENTENCE = pa.struct(
    [
        make_field("start", pa.int32(), "character offset into text"),
        make_field("end", pa.int32(), "character offset into text, exclusive"),
        make_field(
            "claims",
            pa.list_(pa.field("element", pa.int32(), nullable=False)),
            "indices into plan",
        ),
        make_field("origin", _TEXT, "retrieved, generated or rewritten"),
    ]
)
DRAFT_SCHEMA = pa.schema(
    [
        *list_identity_fields(),
        make_field("status", _TEXT, "verified, unverified, empty or failed"),
        make_field("reason", _TEXT, "why it is not verified", null=True),
        make_field("text", _TEXT, "the draft: research, not for diagnosis", phi="text"),
        make_field("plan", pa.list_(pa.field("element", CLAIM, nullable=False)), "claims"),
        make_field(
            "sentences", pa.list_(pa.field("element", SENTENCE, nullable=False)), "of the text"
        ),
        make_field("dropped", pa.int32(), "sentences that were left out"),
        make_field("reporter", _TEXT, "name of the reporter"),
        make_field("model_id", _TEXT, "hash of what decides the text"),
        make_field("study_fingerprint", _TEXT, "fingerprint of the study that was seen"),
        make_field("radkg_version", _TEXT, "version that wrote the row"),
    ],
    metadata={"radkg.table": "draft", "radkg.schema_version": DRAFT_VERSION},
)


def to_draft_table(drafts: Iterable[Draft]) -> pa.Table:
    """Return one row per draft, in order, under DRAFT_SCHEMA."""
    rows = list(drafts)
    columns = [
        make_nested([getattr(row, field.name) for row in rows], field.type)
        if pa.types.is_list(field.type)
        else pa.array([getattr(row, field.name) for row in rows], field.type)
        for field in DRAFT_SCHEMA
    ]
    return pa.Table.from_arrays(columns, schema=DRAFT_SCHEMA)


def from_draft_row(row: dict[str, Any]) -> Draft:
    """Return one row of the table as a Draft; inverse of `to_draft_table`."""
    plan = (
        Claim(**claim | {"box": None if claim["box"] is None else tuple(claim["box"])})
        for claim in row["plan"]
    )
    sentences = (DraftSentence(**s | {"claims": tuple(s["claims"])}) for s in row["sentences"])
    return Draft(**row | {"plan": tuple(plan), "sentences": tuple(sentences)})
