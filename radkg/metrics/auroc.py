"""How well confidences rank: the area under the ROC curve."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from radkg.metrics.ranks import rank_values


def compute_auroc(labels: Sequence[bool], confidences: Sequence[float]) -> float | None:
    """Return the share of pairs in which what has the label is the surer; equal ones count half.

    None where all or none have the label. (Mann and Whitney's U over the number of
    pairs.)
    """
    has = np.asarray(labels, bool)
    positives = int(has.sum())
    negatives = len(has) - positives
    if not positives or not negatives:
        return None
    wins = float(rank_values(confidences)[has].sum()) - positives * (positives + 1) / 2
    return wins / (positives * negatives)


def compute_macro_auroc(
    labels: Sequence[Sequence[bool]], confidences: Sequence[Sequence[float]]
) -> float | None:
    """Return the mean AUROC over the labels (columns) that some rows have and some have not."""
    columns = zip(zip(*labels, strict=True), zip(*confidences, strict=True), strict=True)
    found = [compute_auroc(column, shares) for column, shares in columns]
    known = [each for each in found if each is not None]
    return sum(known) / len(known) if known else None
