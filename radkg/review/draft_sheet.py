"""A sheet of drafts as CSV: one row per sentence, and one per draft for what it lacks.

The row with the number 0 takes no verdict: the reader writes there, as comment, the findings of the
image that the draft should have named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from radkg.errors import SchemaError
from radkg.review.cells import read_cells
from radkg.schema.drafts import Claim, Draft, DraftSentence

Judgement = Literal["correct", "wrong", "cannot tell"]
JUDGEMENTS: tuple[Judgement, ...] = get_args(Judgement)
DRAFT_COLUMNS = (
    *("snapshot", "study_id", "sentence", "text", "claims", "confidence", "origin", "status"),
    *("reporter", "verdict", "comment"),
)
LACKING = 0  # number of the row for what a draft lacks
LACKING_TEXT = "(findings that the draft lacks: write them as comment)"
UNCUT = "not cut"  # origin of a text without sentences of its own

Key = tuple[str, str, int]
"""snapshot, study_id, number of the sentence"""


@dataclass(frozen=True, slots=True)
class JudgedSentence:
    """One row of a filled sheet; `verdict` is None where the cell is empty."""

    key: Key
    origin: str
    status: str
    verdict: Judgement | None
    comment: str


def list_sentences(draft: Draft) -> list[tuple[str, str, list[Claim]]]:
    """Return the text, origin and claims of each sentence; of a text that is not cut, the whole."""
    cuts: Sequence[DraftSentence] = draft.sentences
    if not cuts:
        return [(draft.text, UNCUT, list(draft.plan))]
    return [
        (draft.text[cut.start : cut.end], cut.origin, [draft.plan[i] for i in cut.claims])
        for cut in cuts
    ]


def make_draft_rows(snapshot_id: str, draft: Draft) -> list[list[str]]:
    """Return one row of DRAFT_COLUMNS for each sentence of a draft, and last the one for more."""
    rows = []
    for number, (text, origin, claims) in enumerate(list_sentences(draft), start=1):
        sure = min((claim.confidence for claim in claims), default=1.0)
        said = "; ".join(_describe_claim(claim) for claim in claims)
        cells = [str(number), " ".join(text.split()), said, f"{sure:.4f}", origin]
        rows.append(cells)
    rows.append([str(LACKING), LACKING_TEXT, "", "", ""])
    own = (draft.status, draft.reporter, "", "")
    return [[snapshot_id, draft.study_id, *cells, *own] for cells in rows]


def read_draft_csv(text: str, name: str) -> list[JudgedSentence]:
    """Return the rows of a filled sheet of drafts.

    Raises:
        SchemaError: a column is missing, a verdict is unknown or stands where none is asked for, a
            row stands twice or is damaged; the message names the file and the line.
    """
    rows: dict[Key, JudgedSentence] = {}
    for line, judged in read_cells(text, name, DRAFT_COLUMNS, _parse_row):
        if judged.key in rows:
            raise SchemaError(
                f"{name} line {line}: study {judged.key[1]} sentence {judged.key[2]} stands twice"
            )
        rows[judged.key] = judged
    return list(rows.values())


def _describe_claim(claim: Claim) -> str:
    where = " ".join(filter(None, (claim.side, claim.site)))
    return ", ".join(filter(None, (f"{claim.finding} {claim.polarity}", where, claim.degree)))


def _parse_row(cells: dict[str, str]) -> JudgedSentence:
    verdict = " ".join(cells["verdict"].lower().split())
    if verdict and verdict not in JUDGEMENTS:
        raise ValueError(
            f"verdict {cells['verdict']!r} is none of {', '.join(JUDGEMENTS)}, or empty"
        )
    number = int(cells["sentence"])
    if verdict and number == LACKING:
        raise ValueError("the row for what the draft lacks takes a comment and no verdict")
    return JudgedSentence(
        key=(cells["snapshot"], cells["study_id"], number),
        origin=cells["origin"],
        status=cells["status"],
        verdict=next((each for each in JUDGEMENTS if each == verdict), None),
        comment=cells["comment"].strip(),
    )
