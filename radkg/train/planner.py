"""What a planner learns from the training part: its sentences, and what goes without saying.

A reader of the reports says what each sentence claims; the coders say which findings a study has.
Nothing here looks at an image.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from radkg.gold.coded import CodedStudies
from radkg.gold.filing import list_gold_findings, list_gold_triplets
from radkg.gold.statements import SIDES
from radkg.reporter.bank import BankSentence, hash_sentence, normalise_sentence
from radkg.reporter.claims import NO_DISEASE, NORMAL
from radkg.reporter.planning import UsualClaim
from radkg.reporter.reading import ClaimReader
from radkg.schema.drafts import Claim
from radkg.schema.records import Study
from radkg.schema.sentences import list_study_sentences
from radkg.train.template import drop_degree

_LONGEST = 160  # characters of a sentence
_USUAL = 0.04  # of the reports make a claim that goes without saying
_BESIDE = 0.5  # a claim is left out beside a finding that makes it half as common
_USUALLY = 0.6  # of the studies with a finding, or with a site
_LEAST_STUDIES = 10  # with a finding, for it to speak against a claim
# What one image cannot say: what was removed, measured, compared, done or advised.
_UNSAYABLE = re.compile(
    r"x{3,}|_{3,}|\d|\b(?:stable|unchanged|un changed|interval|prior|previous\w*|compar\w+|again"
    r"|new|newly|old|increas\w+|decreas\w+|improv\w+|worsen\w*|resolv\w+|persist\w*|progress\w*"
    r"|interim|develop\w*|clearing|cleared|other\w*|since|remain\w*|change[ds]?|removed|placed|recommend\w*|suggest\w*|advis\w+|follow|CT"
    r"|clinical\w*|correlat\w+|history|patient\w*|lateral|PA|AP|views?|films?|exam\w*|study"
    r"|studies|radiograph\w*|he|she|his|her|today|[Dd]r)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class TrainingText:
    """A study's sentences, as a draft has them."""

    study: Study
    sentences: tuple[str, ...]


def read_texts(studies: Iterable[Study]) -> list[TrainingText]:
    """Return the sentences of studies, in the order of the reports."""
    return [
        TrainingText(
            study,
            tuple(
                normalise_sentence(study.report[start:end])
                for _, start, end in list_study_sentences(study)
            ),
        )
        for study in studies
    ]


def collect_sentences(texts: Sequence[TrainingText], reader: ClaimReader) -> list[BankSentence]:
    """Return the sentences that a draft may have, sorted by their ids.

    Those are left out that say what no image shows, and those that the readers read differently.
    """
    counts: Counter[str] = Counter()
    places: defaultdict[str, float] = defaultdict(float)
    for text in texts:
        last = max(1, len(text.sentences) - 1)
        for number, sentence in enumerate(text.sentences):
            if len(sentence) <= _LONGEST and not _UNSAYABLE.search(sentence):
                counts[sentence] += 1
                places[sentence] += number / last
    found = []
    for sentence, readings in zip(counts, reader.read(counts), strict=True):
        first, *others = (frozenset(claims) for claims in readings)
        if first and all(first == other for other in others):
            place = places[sentence] / counts[sentence]
            found.append(BankSentence(sentence, readings[0], counts[sentence], place))
    return sorted(found, key=lambda one: hash_sentence(one.text))


def fit_usual(
    texts: Sequence[TrainingText], coded: CodedStudies, reader: ClaimReader
) -> tuple[UsualClaim, ...]:
    """Return the claims that go without saying, the most common first.

    Args:
        texts: of the training studies.
        coded: the training studies with usable codes, with which findings speak against a claim.
        reader: its first reader reads the texts.
    """
    claims_of = {
        text.study.study_id: {
            drop_degree(claim)
            for readings in reader.read(text.sentences)
            for claim in readings[0]
            if _goes_without_saying(claim)
        }
        for text in texts
    }
    counts = Counter(claim for claims in claims_of.values() for claim in claims)
    least = _USUAL * len(texts)
    findings = [list_gold_findings(gold) for gold in coded.golds]
    number = Counter(name for names in findings for name in names)
    known = [name for name, count in number.items() if count >= _LEAST_STUDIES]
    usual = []
    for claim, count in sorted(counts.items(), key=lambda pair: (-pair[1], repr(pair[0]))):
        if count < least:
            break
        with_claim = [claim in claims_of.get(s.study_id, ()) for s in coded.studies]
        share = sum(with_claim) / max(1, len(with_claim))
        both: Counter[str] = Counter()
        for names, has in zip(findings, with_claim, strict=True):
            both.update(names if has else ())
        beside = (name for name in known if both[name] / number[name] < _BESIDE * share)
        usual.append(UsualClaim(claim, tuple(sorted(beside))))
    return tuple(usual)


def find_sites(coded: CodedStudies) -> dict[str, str]:
    """Return the findings that the coders file with a site, each with its commonest site."""
    number: Counter[str] = Counter()
    sites: defaultdict[str, Counter[str]] = defaultdict(Counter)
    located: Counter[str] = Counter()
    for gold in coded.golds:
        pairs = {
            (head, tail)
            for head, relation, tail in list_gold_triplets(gold)
            if relation == "located_at" and tail not in SIDES
        }
        number.update(list_gold_findings(gold))
        located.update({head for head, _ in pairs})
        for head, tail in pairs:
            sites[head][tail] += 1
    return {
        name: min(sites[name], key=lambda site: (-sites[name][site], site))
        for name, count in sorted(number.items())
        if located[name] >= _USUALLY * count
    }


def list_sided(coded: CodedStudies) -> tuple[str, ...]:
    """Return the sites that the coders file with a side, sorted."""
    number: Counter[str] = Counter()
    sided: Counter[str] = Counter()
    for gold in coded.golds:
        triplets = list_gold_triplets(gold)
        number.update({tail for _, relation, tail in triplets if relation == "located_at"})
        sided.update({t for h, relation, t in triplets if relation == "modify" and h in SIDES})
    return tuple(sorted(site for site in sided if sided[site] >= _USUALLY * number[site]))


def _goes_without_saying(claim: Claim) -> bool:
    return claim.polarity == "absent" or claim.finding in (NORMAL, *NO_DISEASE)
