"""What answers are held against, study by study: the human codes, and what the report says.

An answer is what would be filed: findings and triplets in the coders' names. Human codes name the
salient present findings only; what else the report states or denies is taken from the rules'
reading, and is silver.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from radkg.gold.coded import CodedStudies
from radkg.gold.codes import GoldTriplet
from radkg.gold.filing import Filing, list_gold_findings, list_gold_triplets
from radkg.gold.statements import SAME_SITE, list_statements
from radkg.metrics import score
from radkg.metrics.figures import round_rate, round_scores
from radkg.metrics.text import TextScore, score_text
from radkg.rules import RulesExtractor
from radkg.schema.linearize import Form
from radkg.schema.records import Extraction

Count = tuple[int, int]  # how often, of how many


class Answer(NamedTuple):
    """What is said of one study."""

    findings: frozenset[str]
    triplets: frozenset[GoldTriplet]

    @property
    def ordered(self) -> list[GoldTriplet]:
        """Return the triplets in a canonical order."""
        return sorted(self.triplets)


@dataclass(frozen=True)
class Reference:
    """What is known of one study."""

    answer: Answer  # by the human codes
    is_normal: bool
    coded: frozenset[str]  # every name of the human codes
    stated: frozenset[str]  # every name that the rules read in the report, in words or implied
    denied: frozenset[str]  # observations that the rules read as absent only


References = Sequence[Reference]


def list_references(coded: CodedStudies, filing: Filing) -> list[Reference]:
    """Return what is known of each study."""
    readings = RulesExtractor()(coded.studies)
    expected = []
    for reading, gold in zip(readings, coded.golds, strict=True):
        triplets = list_gold_triplets(gold)
        made = list_statements(reading, filing.implied_sites)
        derived = {end for (head, _, tail), _ in made for end in (head, tail)}
        names = {name for name, _ in gold.entities}
        expected.append(
            Reference(
                answer=Answer(list_gold_findings(gold) & filing.classes, triplets),
                is_normal=gold.normal,
                coded=frozenset(unify_anatomy(name) for name in names),
                stated=frozenset(unify_anatomy(e.concept) for e in reading.entities) | derived,
                denied=split_by_polarity(reading)[1],
            )
        )
    return expected


def split_by_polarity(extraction: Extraction) -> tuple[frozenset[str], frozenset[str]]:
    """Return the observations that are only ever present, and those that are only ever absent."""
    labels: dict[str, set[str]] = {}
    for entity in extraction.entities:
        labels.setdefault(entity.concept, set()).add(entity.label)
    return (
        frozenset(name for name, found in labels.items() if found == {"OBS-DP"}),
        frozenset(name for name, found in labels.items() if found == {"OBS-DA"}),
    )


def unify_anatomy(name: str) -> str:
    """Return the name that findings and triplets use for an anatomy; others stay."""
    return SAME_SITE.get(name, name)


def count_unsupported(
    references: References, answers: Sequence[Answer], *, by_codes: bool
) -> list[Count]:
    """Count the triplets of each answer whose head or tail nothing supports.

    `by_codes`: what the human codes do not name; else what they do not name and the report does
    not state either.
    """
    counts = []
    for known, answer in zip(references, answers, strict=True):
        names = known.coded if by_codes else known.coded | known.stated
        wrong = sum(not {head, tail} <= names for head, _, tail in answer.triplets)
        counts.append((wrong, len(answer.triplets)))
    return counts


def count_contradicted(references: References, answers: Sequence[Answer]) -> list[Count]:
    """Count the observations of each answer that the report denies and no coder filed."""
    counts = []
    for known, answer in zip(references, answers, strict=True):
        heads = {head for head, relation, _ in answer.triplets if relation == "located_at"}
        said = answer.findings | heads
        counts.append((len(said & known.denied - known.coded), len(said)))
    return counts


def count_false_on_normal(references: References, answers: Sequence[Answer]) -> list[Count]:
    """Count, for each normal study, whether its answer has a triplet at all."""
    pairs = zip(references, answers, strict=True)
    return [(int(bool(answer.triplets)), 1) for known, answer in pairs if known.is_normal]


def list_text_scores(references: References, answers: Sequence[Answer]) -> list[dict[str, Any]]:
    """Return BLEU and ROUGE-L of the triplets as text; the last two rows are controls of order."""
    gold = [known.answer.ordered for known in references]
    said = [answer.ordered for answer in answers]
    forms: tuple[Form, ...] = ("list", "plain")
    return [
        *(
            {"of": "prediction", **to_text_score(score_text(gold, said, form=f, order="sorted"))}
            for f in forms
        ),
        {"of": "prediction", **to_text_score(score_text(gold, said, order="shuffled"))},
        {"of": "gold", **to_text_score(score_text(gold, gold, order="shuffled"))},
    ]


def to_text_score(found: TextScore) -> dict[str, Any]:
    """Return a text score as JSON-ready values, policies first."""
    return {
        "format": found.form,
        "order": found.order,
        "tokeniser": found.tokeniser,
        **{f"bleu_{n}": round(value, 4) for n, value in enumerate(found.bleu, start=1)},
        "rouge_l": round(found.rouge_l, 4),
        "length_ratio": round(found.length_ratio, 4),
    }


def score_floor(references: References, answers: Sequence[Answer]) -> dict[str, Any]:
    """Return the figures of a floor, without intervals."""
    gold = [known.answer for known in references]
    text = to_text_score(
        score_text([g.ordered for g in gold], [a.ordered for a in answers], order="sorted")
    )
    return {
        "findings": round_scores(score([g.findings for g in gold], [a.findings for a in answers])),
        "triplets": round_scores(score([g.triplets for g in gold], [a.triplets for a in answers])),
        "normal_reports_with_false_triplet": sum(
            n for n, _ in count_false_on_normal(references, answers)
        ),
        "hallucination": {
            "codes": round_rate(count_unsupported(references, answers, by_codes=True)),
            "report": round_rate(count_unsupported(references, answers, by_codes=False)),
        },
        "contradiction": round_rate(count_contradicted(references, answers)),
        "bleu_1": text["bleu_1"],
        "bleu_4": text["bleu_4"],
        "rouge_l": text["rouge_l"],
    }
