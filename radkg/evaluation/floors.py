"""Answers that a model must beat, on the same studies: without understanding, or without training.

constant, lexicon and lexicon_negation are free; the rules cost a second, the n-gram model twenty.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Hashable, Sequence
from collections.abc import Set as AbstractSet
from typing import Literal, TypeVar, get_args

from radkg.evaluation.ngram import NgramReader, train_ngram
from radkg.evaluation.reference import Answer
from radkg.gold.coded import CodedStudies
from radkg.gold.codes import GoldTriplet
from radkg.gold.filing import Filing, list_gold_findings, list_gold_triplets
from radkg.gold.statements import SAME_SITE
from radkg.metrics import Score
from radkg.rules import RulesExtractor
from radkg.rules.floors import list_sentence_concepts
from radkg.schema.codes import Codes
from radkg.schema.records import Study

_T = TypeVar("_T", bound=Hashable)

Floors = Literal["quick", "all"]
FLOORS: tuple[Floors, ...] = get_args(Floors)


def make_quick_answers(
    filing: Filing, training: CodedStudies, studies: Sequence[Study]
) -> dict[str, list[Answer]]:
    """Return the answers of the floors that cost nothing, for each study."""
    vocabulary = {triplet for g in training.golds for triplet in list_gold_triplets(g)}
    constant = Answer(
        _best_constant([list_gold_findings(g) & filing.classes for g in training.golds]),
        _best_constant([list_gold_triplets(g) for g in training.golds]),
    )
    answers = {"constant": [constant] * len(studies)}
    for name, negation in (("lexicon", False), ("lexicon_negation", True)):
        answers[name] = [_named(study, negation, filing.classes, vocabulary) for study in studies]
    return answers


def make_slow_answers(
    filing: Filing, ngram: NgramReader, studies: Sequence[Study]
) -> dict[str, list[Answer]]:
    """Return the answers of the n-gram model and of the rules, for each study."""
    rows = RulesExtractor()(studies)
    return {
        "ngram": [to_answer(codes, filing) for codes in ngram.read_codes(studies)],
        "rules": [
            Answer(filing.predict_findings(row), filing.predict_triplets(row)) for row in rows
        ],
    }


def shuffle_answers(answers: Sequence[Answer]) -> list[Answer]:
    """Return the answers in another order, the same for as many answers."""
    exchanged = list(answers)
    random.Random(0).shuffle(exchanged)
    return exchanged


def train_ngram_floor(training: CodedStudies) -> NgramReader:
    """Return the n-gram model, trained on these studies."""
    return train_ngram(
        training.studies,
        [list_gold_findings(g) for g in training.golds],
        [list_gold_triplets(g) for g in training.golds],
    )


def to_answer(codes: Codes | None, filing: Filing) -> Answer:
    """Return codes without their confidence; a study that failed has none."""
    if codes is None:
        return Answer(frozenset(), frozenset())
    return Answer(
        frozenset(name for name, _ in codes.findings) & filing.classes,
        frozenset(triplet for triplet, _ in codes.triplets),
    )


def _named(
    study: Study, negation: bool, classes: frozenset[str], vocabulary: set[GoldTriplet]
) -> Answer:
    """Return the classes and the coded triplets whose names stand in one sentence of the study."""
    findings: set[str] = set()
    triplets: set[GoldTriplet] = set()
    for concepts in list_sentence_concepts(study, negation=negation):
        names = {SAME_SITE.get(concept, concept) for concept in concepts}
        findings |= names & classes
        triplets |= {
            (head, relation, tail)
            for head in names
            for tail in names
            for relation in ("located_at", "modify")
            if (head, relation, tail) in vocabulary
        }
    return Answer(frozenset(findings), frozenset(triplets))


def _best_constant(golds: Sequence[AbstractSet[_T]]) -> frozenset[_T]:
    """Return the fixed set with the best F1: the most frequent members, as many as pay."""
    counts = Counter(member for members in golds for member in members).most_common()
    best, best_f1, agreed = 0, 0.0, 0
    total = sum(count for _, count in counts)
    for size, (_, count) in enumerate(counts, start=1):
        agreed += count
        f1 = Score(agreed, size * len(golds), total).f1
        if f1 > best_f1:
            best, best_f1 = size, f1
    return frozenset(member for member, _ in counts[:best])
