"""What Open-i's coders would file for an extraction: the bridge between a report's words and codes.

An extraction says all that the report says; the coders filed the salient part in their own terms.
Their conventions are written down here, and what cannot be written down is counted on the training
split: which uncertain findings they file, which site goes without saying, which details they leave
out. Nothing here changes an extraction.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from radkg.gold.codes import Gold, GoldTriplet
from radkg.gold.statements import (
    SAME_SITE,
    SIDES,
    Evidence,
    Statement,
    list_mentions,
    list_stated_findings,
    list_statements,
)
from radkg.schema.records import Extraction

MIN_STUDIES = 20  # training studies in which an observation must be coded to be a finding class
_MIN_UNSITED = 4  # training studies that name a finding without a site, for a site to be implied
_PRIOR_STUDIES = 2  # weight of the average where few training studies make a statement


def list_gold_findings(gold: Gold) -> frozenset[str]:
    """Return the coded observations, without those that only modify another one."""
    modifying = {head for head, relation, _ in gold.triplets if relation == "modify"}
    standing = {tail for _, relation, tail in gold.triplets if relation == "modify"} | {
        head for head, relation, _ in gold.triplets if relation == "located_at"
    }
    return frozenset(
        name for name in gold.observations if name not in modifying or name in standing
    )


def list_gold_triplets(gold: Gold) -> frozenset[GoldTriplet]:
    """Return the coded triplets with one name per anatomy."""
    return frozenset(
        (SAME_SITE.get(head, head), relation, SAME_SITE.get(tail, tail))
        for head, relation, tail in gold.triplets
    )


@dataclass(frozen=True)
class Filing:
    """The coders' habits, counted on training studies by `fit`."""

    classes: frozenset[str]  # the finding classes
    doubted: frozenset[str]  # classes that are filed when the report is not certain
    implied_sites: Mapping[str, tuple[str, ...]]  # filed where the report names no site
    statements: frozenset[Statement]  # the triplets that are filed, by how they stand in the report
    vocabulary: frozenset[GoldTriplet]  # every triplet that was ever filed

    def predict_findings(self, extraction: Extraction) -> frozenset[str]:
        """Return the finding classes that would be filed."""
        return frozenset(
            name
            for name, evidence in list_stated_findings(extraction)
            if name in self.classes and (evidence == "certain" or name in self.doubted)
        )

    def predict_triplets(self, extraction: Extraction) -> frozenset[GoldTriplet]:
        """Return the triplets that would be filed, with one name per anatomy."""
        made = list_statements(extraction, self.implied_sites)
        return frozenset(triplet for triplet, _ in made & self.statements)

    def list_certain_triplets(self, extraction: Extraction) -> frozenset[GoldTriplet]:
        """Return the certain triplets of the report that were ever filed, habits left out."""
        made = list_statements(extraction, {})
        return frozenset(t for t, evidence in made if evidence == "certain") & self.vocabulary


def fit_filing(extractions: Sequence[Extraction], golds: Sequence[Gold]) -> Filing:
    """Count the coders' habits on training studies: their extractions and their codes."""
    num_coded = Counter(name for gold in golds for name in list_gold_findings(gold))
    classes = frozenset(name for name, count in num_coded.items() if count >= MIN_STUDIES)
    implied_sites = _implied_sites(extractions, golds)
    vocabulary = frozenset(triplet for gold in golds for triplet in list_gold_triplets(gold))
    return Filing(
        classes=classes,
        doubted=_filed_doubts(extractions, golds) & classes,
        implied_sites=implied_sites,
        statements=_filed_statements(extractions, golds, implied_sites, vocabulary),
        vocabulary=vocabulary,
    )


def _filed_doubts(extractions: Sequence[Extraction], golds: Sequence[Gold]) -> frozenset[str]:
    """Return the findings filed in at least half of the studies that only doubt them."""
    made: Counter[str] = Counter()
    filed: Counter[str] = Counter()
    for extraction, gold in zip(extractions, golds, strict=True):
        found = list_stated_findings(extraction)
        doubted = {n for n, e in found if e == "doubted"} - {n for n, e in found if e == "certain"}
        made.update(doubted)
        filed.update(doubted & list_gold_findings(gold))
    return frozenset(name for name in made if 2 * filed[name] >= made[name])


def _implied_sites(
    extractions: Sequence[Extraction], golds: Sequence[Gold]
) -> dict[str, tuple[str, ...]]:
    """Return the sites filed in at least half of the studies that name a finding without a site."""
    unsited: Counter[str] = Counter()
    filed: dict[str, Counter[str]] = defaultdict(Counter)
    for extraction, gold in zip(extractions, golds, strict=True):
        stated = list(list_mentions(extraction))
        names = {m.concept for m in stated} - {m.concept for m in stated if m.sites}
        for concept in names & gold.observations:
            unsited[concept] += 1
            filed[concept].update(
                tail
                for head, relation, tail in list_gold_triplets(gold)
                if head == concept and relation == "located_at" and tail not in SIDES
            )
    return {
        concept: sites
        for concept, count in unsited.items()
        if count >= _MIN_UNSITED
        and (sites := tuple(s for s, n in sorted(filed[concept].items()) if 2 * n >= count))
    }


def _filed_statements(
    extractions: Sequence[Extraction],
    golds: Sequence[Gold],
    implied_sites: Mapping[str, tuple[str, ...]],
    vocabulary: frozenset[GoldTriplet],
) -> frozenset[Statement]:
    """Return the statements that are filed in at least half of the studies that make them.

    Few studies make most of them, so the average share of their evidence counts as two more.
    """
    made: Counter[Statement] = Counter()
    filed: Counter[Statement] = Counter()
    for extraction, gold in zip(extractions, golds, strict=True):
        stated = list_statements(extraction, implied_sites)
        triplets = list_gold_triplets(gold)
        made.update(s for s in stated if s[0] in vocabulary)
        filed.update(s for s in stated if s[0] in triplets)
    made_by: Counter[Evidence] = Counter()
    filed_by: Counter[Evidence] = Counter()
    for (_, evidence), count in made.items():
        made_by[evidence] += count
    for (_, evidence), count in filed.items():
        filed_by[evidence] += count
    return frozenset(
        (triplet, evidence)
        for triplet in vocabulary
        for evidence in made_by
        if 2 * (filed[triplet, evidence] + _PRIOR_STUDIES * filed_by[evidence] / made_by[evidence])
        >= made[triplet, evidence] + _PRIOR_STUDIES
    )
