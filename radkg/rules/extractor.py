"""The rules as an extractor: studies in, one extraction per study out, nothing learnt.

It reads findings and impression; history, indication and comparison only name what is looked for.
Each sentence is read alone, so identical sentences of an archive are read once per process.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import radkg
from radkg.rules.concepts import compose_concepts
from radkg.rules.inside import Link
from radkg.rules.lexicon import ANATOMY_KINDS, DATA, ENTITY_KINDS, Item, load_lexicon
from radkg.rules.relations import find_relations
from radkg.rules.scope import PRESENT, UNCERTAIN, find_polarities
from radkg.rules.selection import select_entities
from radkg.rules.splitting import split_phrases
from radkg.schema.records import (
    Condition,
    Entity,
    Extraction,
    Label,
    Relation,
    RelationType,
    Study,
)
from radkg.schema.sentences import READING_FILES, find_words, list_study_sentences

# One figure for every mention and relation, for the rules cannot tell a sure reading from a poor
# one: 92 % of the findings read in training reports stand in the human codes, rounded down.
CONFIDENCE = 0.9
_LABELS: dict[str, Label] = {"DP": "OBS-DP", "DA": "OBS-DA", "U": "OBS-U"}

Mention = tuple[str, Label, str, int, int]  # text, label, concept, start, end in the sentence
Found = tuple[tuple[Mention, ...], tuple[tuple[int, int, RelationType], ...]]


class RulesExtractor:
    """Callable from studies to extractions; `cache_size` is in sentences, 0 switches it off."""

    name = "rules"
    condition: Condition = "report"

    def __init__(self, cache_size: int = 20_000) -> None:
        self.cache_size = cache_size
        self.model_id = _model_id()
        self._cache: dict[str, Found] = {}

    def __reduce__(self) -> tuple[type[RulesExtractor], tuple[int]]:
        return (RulesExtractor, (self.cache_size,))

    def __call__(self, studies: Sequence[Study]) -> list[Extraction]:
        """Return one extraction per study, in order; `empty` where no entity was found."""
        return [self._extract(study) for study in studies]

    def _extract(self, study: Study) -> Extraction:
        entities: list[Entity] = []
        found_relations: list[Relation] = []
        report = study.report
        for section, start, end in list_study_sentences(study):
            mentions, links = self._read(report[start:end])
            first = len(entities)
            for text, label, concept, a, b in mentions:
                place = (start + a, start + b, section)
                entities.append(Entity(text, label, concept, *place, "report", CONFIDENCE))
            for head, tail, relation in links:
                found_relations.append(Relation(first + head, first + tail, relation, CONFIDENCE))
        return Extraction(
            study_id=study.study_id,
            subject_id=study.subject_id,
            archive=study.archive,
            study_date=study.study_date,
            status="ok" if entities else "empty",
            reason=None,
            entities=tuple(entities),
            relations=tuple(found_relations),
            extractor=self.name,
            model_id=self.model_id,
            condition=self.condition,
            study_fingerprint=study.fingerprint,
            radkg_version=radkg.__version__,
        )

    def _read(self, sentence: str) -> Found:
        found = self._cache.get(sentence)
        if found is None:
            found = read_sentence(sentence)
            if len(self._cache) < self.cache_size:
                self._cache[sentence] = found
        return found


def read_sentence(sentence: str) -> Found:
    """Return the entities and relations of one sentence, offsets relative to it."""
    found = find_words(sentence)
    phrases = load_lexicon().find(found)
    items = split_phrases(phrases, found)
    if not any(item.kind in ENTITY_KINDS for item in items):
        return (), ()
    links, alternatives = find_relations(items)
    polarity = _settle(find_polarities(items), links, alternatives)
    kept = select_entities(items, polarity, links)
    position = {i: k for k, i in enumerate(kept)}
    spans = [(items[i].start, items[i].end, _label(items[i], polarity[i])) for i in kept]
    left = [
        (position[head], position[tail], relation)
        for head, tail, relation in links
        if head in position and tail in position
    ]
    names = compose_concepts(phrases, sentence, spans, left)
    mentions = tuple(
        (sentence[start:end], label, concept, start, end)
        for (start, end, label), concept in zip(spans, names, strict=True)
    )
    return mentions, tuple(left)


def _settle(
    polarity: list[str], links: list[Link], alternatives: list[tuple[int, int]]
) -> list[str]:
    """Return the polarities after what entities say of each other."""
    for pair in alternatives:  # "scarring or atelectasis": neither is certain
        if all(polarity[i] == PRESENT for i in pair):
            polarity[pair[0]] = polarity[pair[1]] = UNCERTAIN
    for head, tail, relation in links:  # a word of degree is as uncertain as its finding
        if relation == "modify" and polarity[tail] == UNCERTAIN and polarity[head] == PRESENT:
            polarity[head] = UNCERTAIN
    return polarity


def _label(item: Item, polarity: str) -> Label:
    return "ANAT-DP" if item.kind in ANATOMY_KINDS else _LABELS[polarity]


def _model_id() -> str:
    """Return the hash of the rules and the word lists, 16 hex characters."""
    digest = sha256()
    here = sorted([*Path(__file__).parent.glob("*.py"), *DATA.glob("*.csv")])
    for path in [*here, *READING_FILES]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]
