"""Drafts: what is valid, and that a table gives back what went in."""

from dataclasses import replace
from datetime import date

import pytest

from radkg.errors import SchemaError
from radkg.schema.draft_table import DRAFT_SCHEMA, from_draft_row, to_draft_table
from radkg.schema.drafts import Claim, Draft, DraftSentence, check_draft

TEXT = "The heart is large. No effusion."
DRAFT = Draft(
    study_id="s",
    subject_id="p",
    archive="a",
    study_date=date(2020, 1, 2),
    status="verified",
    reason=None,
    text=TEXT,
    plan=(
        Claim("cardiomegaly", "present", "heart", None, "mild", 0.7, "i", (0.1, 0.2, 0.5, 0.9)),
        Claim("effusion", "absent"),
    ),
    sentences=(
        DraftSentence(0, 19, (0,), "retrieved"),
        DraftSentence(20, len(TEXT), (1,), "rewritten"),
    ),
    dropped=1,
    reporter="plan",
    model_id="m",
    study_fingerprint="f",
    radkg_version="0",
)
EMPTY = replace(
    DRAFT, status="empty", reason="the study has no image", text="", plan=(), sentences=()
)


def test_a_table_gives_back_what_went_in():
    table = to_draft_table([DRAFT, EMPTY])
    assert table.schema.equals(DRAFT_SCHEMA)
    assert [from_draft_row(row) for row in table.to_pylist()] == [DRAFT, EMPTY]
    assert to_draft_table([]).num_rows == 0


@pytest.mark.parametrize("draft", [DRAFT, EMPTY, replace(DRAFT, plan=(), sentences=())])
def test_valid_drafts_pass(draft):
    assert check_draft(draft) is draft


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"status": "ok"}, "status"),
        ({"status": "unverified"}, "without a reason"),
        ({"status": "failed", "reason": "x"}, "with a text"),
        ({"text": "", "sentences": ()}, "without a text"),
        ({"reason": "x" * 5000}, "characters"),
        ({"dropped": -1}, "negative"),
        ({"study_id": "s" * 9000}, "study_id"),
        ({"plan": (Claim("", "absent"),)}, "claim 0 names no finding"),
        ({"plan": (Claim("mass", "maybe"),)}, "polarity of claim 0"),
        ({"plan": (Claim("mass", "absent", confidence=float("nan")),)}, "confidence"),
        ({"plan": (Claim("mass", "present", image_id="i"),)}, "without a box"),
        ({"plan": (Claim("mass", "present", image_id="i", box=(0.5, 0, 0.5, 1)),)}, "box"),
        ({"sentences": (DraftSentence(0, 99, (), "retrieved"),)}, "offsets of sentence 0"),
        (
            {"sentences": (DraftSentence(0, 9, (), "retrieved"), DraftSentence(8, 9, (), "x"))},
            "offsets of sentence 1",
        ),
        ({"sentences": (DraftSentence(0, 9, (), "copied"),)}, "origin"),
        ({"sentences": (DraftSentence(0, 9, (2,), "retrieved"),)}, "claim that the plan lacks"),
    ],
)
def test_other_drafts_are_refused(change, message):
    with pytest.raises(SchemaError, match=message):
        check_draft(replace(DRAFT, **change))
