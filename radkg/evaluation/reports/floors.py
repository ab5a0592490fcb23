"""Texts that a reporter must beat, on the same studies, and two that it cannot.

Each gives every study a report of the training part. Nothing but `oracle_codes` and `true_report`
knows anything of the study beyond its images.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple, TypeVar

from radkg.evaluation.reports.constant import find_best_constant
from radkg.evaluation.reports.looks import Looks
from radkg.evaluation.reports.studies import Part, ReportSet, make_reference, split_text
from radkg.gold.codes import Gold
from radkg.gold.filing import list_gold_findings, list_gold_triplets
from radkg.gold.statements import SAME_SITE
from radkg.schema.codes import Codes

FLOORS = {
    "constant": "the training report with the best BLEU-4 on the training part, for every study",
    "most_common": "the most frequent report of the training part, for every study",
    "random_training": "a training report for each study, drawn with seed 0",
    "nearest_image": "the report of the training study whose image is nearest, by the cosine of "
    "the shipped eye's averaged features",
    "predicted_codes": "the report of a training study with the nearest codes to those that the "
    "shipped eye sees; among equals drawn with seed 0",
    "oracle_codes": "the same with the codes that the coders filed for the study: no floor, what "
    "retrieval gives with perfect findings",
    "true_report": "the study's own report: no floor, what the reader of texts makes of the truth",
}

_T = TypeVar("_T")


class CodeSet(NamedTuple):
    """The codes of a study: normal where both are empty."""

    findings: frozenset[str]
    triplets: frozenset[tuple[str, str, str]]


def write_floors(
    report_set: ReportSet, part: Part, scored: Sequence[int], looks: Looks | None
) -> dict[str, list[str]]:
    """Return the texts of each floor, one for each scored study, in the order of FLOORS.

    Args:
        part: what of a training report is given.
        scored: indices of the studies of `report_set.scored`.
        looks: what the eye sees; None: the floors that look are left out.
    """
    pool = [i for i, study in enumerate(report_set.training.studies) if make_reference(study, part)]
    texts = {i: make_reference(report_set.training.studies[i], part) for i in pool}
    tokens = [split_text(texts[i], part) for i in pool]
    constant = texts[pool[find_best_constant(tokens)]]
    draw = random.Random(0)
    found = {
        "constant": [constant] * len(scored),
        "most_common": [_find_most_common([texts[i] for i in pool], tokens)] * len(scored),
        "random_training": [texts[draw.choice(pool)] for _ in scored],
    }
    by_codes = _Retrieval({i: to_code_set(report_set.training.golds[i]) for i in pool})
    if looks is not None:
        nearest = [looks.find_nearest(i, pool) for i in scored]
        found["nearest_image"] = ["" if i is None else texts[i] for i in nearest]
        seen = [looks.codes[i] for i in scored]
        wanted = [None if codes is None else _unify(codes) for codes in seen]
        found["predicted_codes"] = ["" if i is None else texts[i] for i in by_codes.draw(wanted)]
    golds = [to_code_set(report_set.scored.golds[i]) for i in scored]
    found["oracle_codes"] = ["" if i is None else texts[i] for i in by_codes.draw(golds)]
    found["true_report"] = [make_reference(report_set.scored.studies[i], part) for i in scored]
    return found


def shuffle_texts(texts: Sequence[_T]) -> list[_T]:
    """Return the texts in another order, seed 0, in which none of two or more keeps its place."""
    order = list(range(len(texts)))
    random.Random(0).shuffle(order)
    exchanged = list(texts)
    for here, there in zip(order, order[1:] + order[:1], strict=True):
        exchanged[here] = texts[there]
    return exchanged


def to_code_set(gold: Gold) -> CodeSet:
    """Return the human codes of a study as a set that others can be near to."""
    return CodeSet(list_gold_findings(gold), list_gold_triplets(gold))


def _unify(codes: Codes) -> CodeSet:
    return CodeSet(
        frozenset(name for name, _ in codes.findings),
        frozenset((SAME_SITE.get(h, h), r, SAME_SITE.get(t, t)) for (h, r, t), _ in codes.triplets),
    )


def _find_most_common(texts: Sequence[str], tokens: Sequence[Sequence[str]]) -> str:
    """Return the text whose tokens are the most frequent; the first of equals."""
    ((most, _),) = Counter(map(tuple, tokens)).most_common(1)
    return texts[[tuple(own) for own in tokens].index(most)]


class _Retrieval:
    """Finds members by the nearest code set: nearest findings, then triplets, by Jaccard index."""

    def __init__(self, code_sets: Mapping[int, CodeSet]) -> None:
        self._members: defaultdict[CodeSet, list[int]] = defaultdict(list)
        for member, codes in code_sets.items():
            self._members[codes].append(member)
        self._nearest: dict[CodeSet, list[int]] = {}

    def draw(self, wanted: Sequence[CodeSet | None]) -> list[int | None]:
        """Return for each code set a member with the nearest codes, drawn among equals, seed 0."""
        draw = random.Random(0)
        for codes in wanted:
            if codes is not None and codes not in self._nearest:
                self._nearest[codes] = sorted(self._list_nearest(codes))
        return [None if codes is None else draw.choice(self._nearest[codes]) for codes in wanted]

    def _list_nearest(self, codes: CodeSet) -> Iterator[int]:
        near = {known: _compare(codes, known) for known in self._members}
        best = max(near.values())
        for known, members in self._members.items():
            if near[known] == best:
                yield from members


def _compare(one: CodeSet, other: CodeSet) -> tuple[float, float]:
    return (
        _jaccard(one.findings, other.findings),
        _jaccard(one.triplets, other.triplets),
    )


def _jaccard(one: AbstractSet[Hashable], other: AbstractSet[Hashable]) -> float:
    """Return the Jaccard index, 1 for two empty sets."""
    union = len(one | other)
    return len(one & other) / union if union else 1.0
