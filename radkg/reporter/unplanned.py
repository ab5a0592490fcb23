"""Drafts of a model that writes without a plan: unverified, until they are read back."""

from __future__ import annotations

from collections.abc import Sequence

from radkg.reporter.base import Reporter
from radkg.reporter.rows import make_draft
from radkg.schema.drafts import Claim, Draft, DraftSentence
from radkg.schema.records import Study
from radkg.schema.sentences import split_sentences

UNPLANNED = "written without a plan: nothing was checked"
_STOPS = (".", "!", "?", ";")  # belong to the sentence before them


def make_unplanned_draft(
    reporter: Reporter, study: Study, text: str, plan: Sequence[Claim] = ()
) -> Draft:
    """Return the draft of a generated text; an empty one where the text has no sentence.

    Args:
        reporter: what wrote it.
        study: of which it was written.
        text: what was written.
        plan: what the model sees, which need not be what the text says.
    """
    sentences = [
        DraftSentence(start, end + (text[end : end + 1] in _STOPS), (), "generated")
        for start, end in split_sentences(text, 0, len(text))
    ]
    if not sentences:
        return make_draft(reporter, study, "empty", "the model wrote no sentence", plan=plan)
    return make_draft(
        reporter, study, "unverified", UNPLANNED, text=text, plan=plan, sentences=sentences
    )
