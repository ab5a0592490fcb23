"""The review sheet: what radiologists judge triplet by triplet, and what their judgements say."""

from radkg.review.make import make_sheet
from radkg.review.scoring import score_sheets

__all__ = ["make_sheet", "score_sheets"]
