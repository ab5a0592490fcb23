"""The one training report that does best by BLEU-4 when it is given for every study.

All training reports are tried, on the training reports.
"""

from __future__ import annotations

from collections.abc import Sequence

from radkg.metrics.constant import ConstantBleu


def find_best_constant(references: Sequence[Sequence[str]]) -> int:
    """Return the index of the token list with the best BLEU-4 against all; the first of equals.

    Raises:
        ValueError: there is no reference.
    """
    if not references:
        raise ValueError("a constant is chosen among at least one report")
    bleu = ConstantBleu(references)
    return max(range(len(references)), key=lambda i: bleu.score(references[i]))
