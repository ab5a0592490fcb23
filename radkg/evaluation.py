"""How right an extractor is against the human codes of an archive, beside floors on the same split.

Gold are Open-i's MeSH codes (archive/openi_codes.py). An extraction is first turned into what the
coders would file (archive/openi_filing.py), by habits counted on the training split with the rules
as reader, so that every extractor meets the same yardstick. The codes name the salient present
findings only: precision is bounded by what the coders left out, and nothing is measured of absent
or uncertain findings, of suggestive_of, or of spans.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, TypeVar

from radkg.archive import open_archive
from radkg.archive.openi import OpenI
from radkg.archive.openi_codes import Gold, GoldTriplet, gold
from radkg.archive.openi_filing import (
    MIN_STUDIES,
    Filing,
    fit,
    gold_findings,
    gold_triplets,
)
from radkg.archive.openi_statements import NORMALITY, SAME_SITE
from radkg.errors import ArchiveError
from radkg.extractor import Extractor, extract_rows, load_extractor
from radkg.metrics import Score, bootstrap, score
from radkg.rules import RulesExtractor
from radkg.rules.floors import sentence_concepts
from radkg.rules.lexicon import load_lexicon
from radkg.schema.records import Extraction, Study, Unreadable

_T = TypeVar("_T", bound=Hashable)

SPLITS = ("train", "test")
_FINDING_KINDS = frozenset({"finding", "quality"})
_BATCH = 500  # studies handed to the extractor at a time
_DEFINITIONS = {
    "findings": f"observations that the coders file on their own in >= {MIN_STUDIES} training "
    "studies; an uncertain one counts where at least half of the training studies that only doubt "
    "it have its code; micro-averaged over (study, finding)",
    "triplets": "modify and located_at between coded names, as the coders would file them: kinds "
    "that at least half of the training studies stating them have in their codes; micro-averaged "
    "over (study, triplet)",
    "triplets_as_stated": "the same without that selection: every certain triplet of the report "
    "that was ever coded in training",
    "normal_reports": "studies coded `normal` alone; a false triplet is a relation with a finding "
    "(no normality, degree or change) that the report asserts as certain, before any selection",
    "split": "test: NegBio's list without texts that also occur in training; on split train the "
    "coders' habits are counted on the very studies that are scored",
    "floors": "constant: the best fixed answer by training counts; lexicon: the rules' word lists "
    "per sentence, without grammar; lexicon_negation: the same up to the first denying word",
}


def evaluate(archive_uri: str, extractor: str | Extractor, split: str = "test") -> dict[str, Any]:
    """Return the scores of an extractor as JSON-ready values; the definitions stand inside.

    Args:
        archive_uri: Open-i, the one archive with human codes: `openi`, or the path of a copy.
        extractor: a name for `load_extractor`, or the extractor itself.
        split: `test` (NegBio's list without texts that also occur in training) or `train`.

    Raises:
        ArchiveError: the archive has no human codes, or no usable study in the split.
        ExtractorError: there is no such extractor.
        ValueError: `split` is neither train nor test.
    """
    if split not in SPLITS:
        raise ValueError(f"split {split!r} is none of {SPLITS}")
    extractor = load_extractor(extractor) if isinstance(extractor, str) else extractor
    by_split = _usable(archive_uri)
    training, training_golds = by_split["train"]
    studies, golds = by_split[split]
    if not studies or not training:
        raise ArchiveError(f"{archive_uri} has no coded study in split {split!r}, or none to train")
    filing = fit(RulesExtractor()(training), training_golds)
    extractions = _extract(extractor, studies)
    findings = [filing.findings(extraction) for extraction in extractions]
    triplets = [filing.triplets(extraction) for extraction in extractions]
    stated = [filing.stated(extraction) for extraction in extractions]
    gold_sets = [gold_findings(g) & filing.classes for g in golds]
    gold_facts = [gold_triplets(g) for g in golds]
    is_normal = [g.normal for g in golds]
    return {
        "findings": _scores(score(gold_sets, findings)),
        "triplets": _scores(score(gold_facts, triplets)),
        "normal_reports": {
            "total": sum(is_normal),
            "with_false_triplet": sum(
                asserts_finding(extraction)
                for extraction, normal in zip(extractions, is_normal, strict=True)
                if normal
            ),
        },
        "floors": _floors(filing, by_split["train"], studies, golds),
        "triplets_as_stated": _scores(score(gold_facts, stated)),
        "intervals_95": {
            "findings_f1": _rounded(bootstrap(gold_sets, findings)),
            "triplets_f1": _rounded(bootstrap(gold_facts, triplets)),
        },
        "classes": {
            name: {"gold": counts.gold, **_scores(counts)}
            for name, counts in _by_class(filing.classes, gold_sets, findings)
        },
        "uncertain_counts_for": sorted(filing.doubted),
        "archive": archive_uri,
        "split": split,
        "studies": len(studies),
        "failed": sum(extraction.status == "failed" for extraction in extractions),
        "extractor": extractor.name,
        "model_id": extractor.model_id,
        "definitions": _DEFINITIONS,
    }


def asserts_finding(extraction: Extraction) -> bool:
    """Tell whether any relation of the extraction asserts a finding, as certain, as not normal."""
    entities, kinds = extraction.entities, load_lexicon().kinds
    called_normal = {r.tail for r in extraction.relations if entities[r.head].concept in NORMALITY}

    def is_finding(i: int) -> bool:
        concept = entities[i].concept
        is_finding_word = concept not in kinds or not _FINDING_KINDS.isdisjoint(kinds[concept])
        return entities[i].label == "OBS-DP" and is_finding_word

    return any(
        (is_finding(r.head) or is_finding(r.tail)) and called_normal.isdisjoint((r.head, r.tail))
        for r in extraction.relations
    )


def _usable(archive_uri: str) -> dict[str, tuple[list[Study], list[Gold]]]:
    """Return studies and gold of each split; studies without usable codes are left out."""
    archive = open_archive(archive_uri)
    if not isinstance(archive, OpenI):
        raise ArchiveError(f"{archive_uri} has no human codes: evaluate on Open-i")
    records = archive.index().to_pylist()
    codes = archive.codes(records)
    found: dict[str, tuple[list[Study], list[Gold]]] = {name: ([], []) for name in SPLITS}
    for study in archive.read(records):
        if isinstance(study, Unreadable) or study.split not in found:
            continue
        study_gold = gold(codes[study.study_id])
        if study_gold.usable:
            found[study.split][0].append(study)
            found[study.split][1].append(study_gold)
    return found


def _extract(extractor: Extractor, studies: Sequence[Study]) -> list[Extraction]:
    return [
        row
        for start in range(0, len(studies), _BATCH)
        for row in extract_rows(extractor, studies[start : start + _BATCH])
    ]


def _floors(
    filing: Filing,
    training: tuple[list[Study], list[Gold]],
    studies: Sequence[Study],
    golds: Sequence[Gold],
) -> dict[str, Any]:
    """Return the scores of three answers that need no understanding."""
    training_golds = training[1]
    vocabulary = {triplet for g in training_golds for triplet in gold_triplets(g)}
    constant_findings = _best_constant([gold_findings(g) & filing.classes for g in training_golds])
    constant_triplets = _best_constant([gold_triplets(g) for g in training_golds])
    answers = {"constant": [(constant_findings, constant_triplets)] * len(studies)}
    for name, negation in (("lexicon", False), ("lexicon_negation", True)):
        answers[name] = [_named(study, negation, filing.classes, vocabulary) for study in studies]
    return {
        name: {
            "findings": _scores(
                score([gold_findings(g) & filing.classes for g in golds], [a[0] for a in answer])
            ),
            "triplets": _scores(score([gold_triplets(g) for g in golds], [a[1] for a in answer])),
            "normal_reports_with_false_triplet": sum(
                bool(a[1]) for a, g in zip(answer, golds, strict=True) if g.normal
            ),
        }
        for name, answer in answers.items()
    }


def _named(
    study: Study, negation: bool, classes: frozenset[str], vocabulary: set[GoldTriplet]
) -> tuple[frozenset[str], frozenset[GoldTriplet]]:
    """Return the classes and the coded triplets whose names stand in one sentence of the study."""
    findings: set[str] = set()
    triplets: set[GoldTriplet] = set()
    for concepts in sentence_concepts(study, negation=negation):
        names = {SAME_SITE.get(concept, concept) for concept in concepts}
        findings |= names & classes
        triplets |= {
            (head, relation, tail)
            for head in names
            for tail in names
            for relation in ("located_at", "modify")
            if (head, relation, tail) in vocabulary
        }
    return frozenset(findings), frozenset(triplets)


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


def _by_class(
    classes: Iterable[str],
    golds: Sequence[AbstractSet[str]],
    predicted: Sequence[AbstractSet[str]],
) -> list[tuple[str, Score]]:
    """Return the score of each class, the most frequent in the gold first."""
    scores = [
        (name, score([g & {name} for g in golds], [p & {name} for p in predicted]))
        for name in sorted(classes)
    ]
    return sorted(scores, key=lambda item: -item[1].gold)


def _scores(counts: Score) -> dict[str, float]:
    return {
        "precision": round(counts.precision, 4),
        "recall": round(counts.recall, 4),
        "f1": round(counts.f1, 4),
    }


def _rounded(interval: tuple[float, float]) -> list[float]:
    return [round(value, 4) for value in interval]
