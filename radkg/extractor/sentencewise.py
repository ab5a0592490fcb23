"""From readings of sentences to extractions: what models that read sentence by sentence share.

A sentence is read once, however many studies say it. Concepts are the lexicon's; a report in
another language is refused, for a model would read it into English.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, Generic, TypeVar

import radkg
from radkg.errors import ExtractorError
from radkg.extractor.base import Identified
from radkg.model.calibration import Calibration
from radkg.rules import RulesExtractor
from radkg.rules.concepts import name_concepts
from radkg.schema.language import find_foreign_words
from radkg.schema.linearize import Reading
from radkg.schema.records import Condition, Entity, Extraction, Relation, Study
from radkg.schema.sentences import list_study_sentences

ReadSentences = Callable[[Sequence[str]], list[Reading]]
_Question = TypeVar("_Question", bound=Hashable)


def check_language(study: Study) -> None:
    """Refuse a report in another language than English.

    Raises:
        ExtractorError: it has more foreign words than English ones; the error names none of them.
    """
    if foreign := find_foreign_words(study):
        raise ExtractorError(
            f"the report is not in English ({len(foreign)} of its words are of other languages): "
            "the model reads English only"
        )


class QuestionReader(Generic[_Question]):
    """Reads the sentences of studies by a question about each, a distinct one once per process.

    Args:
        read: questions to readings, in order.
        ask: makes the question from the study and one of its sentences.
        calibration: makes the confidences of `read` shares of right answers.
        cache_size: readings kept, in questions.
    """

    def __init__(
        self,
        read: Callable[[Sequence[_Question]], list[Reading]],
        ask: Callable[[Study, str], _Question],
        calibration: Calibration,
        cache_size: int = 50_000,
    ) -> None:
        self._read = read
        self._ask = ask
        self._calibration = calibration
        self._cache_size = cache_size
        self._cache: dict[_Question, tuple[Reading, list[str]]] = {}

    def __call__(
        self, studies: Sequence[Study]
    ) -> list[tuple[tuple[Entity, ...], tuple[Relation, ...]]]:
        """Return the entities and relations of each study's report, in order."""
        places = [_places(study) for study in studies]
        asked = [
            [self._ask(study, study.report[start:end]) for _, start, end in found]
            for study, found in zip(studies, places, strict=True)
        ]
        texts = {
            question: study.report[start:end]
            for study, found, questions in zip(studies, places, asked, strict=True)
            for (_, start, end), question in zip(found, questions, strict=True)
        }
        new = [question for question in texts if question not in self._cache]
        known = {question: self._cache[question] for question in texts if question in self._cache}
        read = self._calibration.calibrate(self._read(new)) if new else []
        for question, reading in zip(new, read, strict=True):
            names = name_concepts(texts[question], reading.spans, reading.links)
            known[question] = reading, names
            if len(self._cache) < self._cache_size:
                self._cache[question] = known[question]
        return [
            _assemble(study.report, found, [known[question] for question in questions])
            for study, found, questions in zip(studies, places, asked, strict=True)
        ]


class SentencewiseReader(QuestionReader[str]):
    """Reads the sentences of studies, where a sentence means the same in every study.

    Args:
        read: sentences to readings, in order.
        calibration: makes the confidences of `read` shares of right answers.
        cache_size: readings kept, in sentences.
    """

    def __init__(
        self, read: ReadSentences, calibration: Calibration, cache_size: int = 50_000
    ) -> None:
        super().__init__(read, lambda study, sentence: sentence, calibration, cache_size)


def make_extraction(
    reader: Identified,
    study: Study,
    entities: tuple[Entity, ...],
    relations: tuple[Relation, ...],
    *,
    condition: Condition | None = None,
    reason: str | None = None,
) -> Extraction:
    """Return the row of a study that was read.

    Args:
        reader: what read it, and names itself in the row.
        study: what was read.
        entities: what was found.
        relations: between them.
        condition: what of the study was read; None: what the reader reads by itself.
        reason: why nothing was found, or what was left out.
    """
    return Extraction(
        study_id=study.study_id,
        subject_id=study.subject_id,
        archive=study.archive,
        study_date=study.study_date,
        status="ok" if entities else "empty",
        reason=reason,
        entities=entities,
        relations=relations,
        extractor=reader.name,
        model_id=reader.model_id,
        condition=condition or reader.condition,
        study_fingerprint=study.fingerprint,
        radkg_version=radkg.__version__,
    )


def compute_reading_id() -> str:
    """Return the hash of what cuts sentences and names concepts, for a model's id."""
    return RulesExtractor(cache_size=0).model_id


def _places(study: Study) -> list[tuple[str, int, int]]:
    """Return section name, start and end of each sentence that is read."""
    check_language(study)
    return list(list_study_sentences(study))


def _assemble(
    report: str, places: Sequence[tuple[str, int, int]], readings: Sequence[Any]
) -> tuple[tuple[Entity, ...], tuple[Relation, ...]]:
    entities: list[Entity] = []
    relations: list[Relation] = []
    for (section, start, _), (reading, names) in zip(places, readings, strict=True):
        first = len(entities)
        entities += [
            Entity(
                report[start + a : start + b],
                label,
                name,
                start + a,
                start + b,
                section,
                "report",
                confidence,
            )
            for (a, b, label), name, confidence in zip(
                reading.spans, names, reading.span_confidences, strict=True
            )
        ]
        relations += [
            Relation(first + head, first + tail, relation, confidence)
            for (head, tail, relation), confidence in zip(
                reading.links, reading.link_confidences, strict=True
            )
        ]
    return tuple(entities), tuple(relations)
