"""How right written reports are: what coders would file for them, against what was filed.

BLEU stands beside it to be compared with published figures. It says little: one sentence for all
studies reaches what trained systems do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from radkg.gold.filing import Filing
from radkg.metrics.text import compute_bleu
from radkg.metrics.wording import split_report
from radkg.train.supervision import read_text


@dataclass(frozen=True)
class Written:
    """A report that was written, with what the rules read in it as coders would file it."""

    text: str
    findings: frozenset[str]


def read_written(texts: Sequence[str], filing: Filing) -> list[Written]:
    """Return the texts with their findings; equal texts are read once."""
    known = {text: filing.predict_findings(read_text(text)) for text in set(texts) if text}
    return [Written(text, frozenset(known.get(text, ()))) for text in texts]


def compute_bleu_4(references: Sequence[str], texts: Sequence[str]) -> float:
    """Return BLEU-4 over all texts, of R2Gen's tokens; 0 where there is no text."""
    if not references:
        return 0.0
    pair = ([split_report(text) for text in side] for side in (references, texts))
    return compute_bleu(*pair)[3]
