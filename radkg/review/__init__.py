"""The review sheet: radiologists judge triplet by triplet, and the verdicts are scored."""

from radkg.review.make import make_sheet
from radkg.review.scoring import score_sheets

__all__ = ["make_sheet", "score_sheets"]
