"""Review sheets: radiologists judge triplets, or sentences of drafts; the verdicts are scored."""

from radkg.review.make import make_sheet
from radkg.review.make_drafts import make_draft_sheet
from radkg.review.scoring import score_sheets

__all__ = ["make_draft_sheet", "make_sheet", "score_sheets"]
