"""Sentences with the rules' reading of them: silver labels, for a student that imitates the rules.

Silver measures agreement with the rules; what the rules misread is misread here too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from radkg.archive import open_archive
from radkg.gold.annotated import is_kept_out
from radkg.rules.extractor import read_sentence
from radkg.schema.records import Study
from radkg.schema.sentences import list_study_sentences
from radkg.train.labelled import LabelledSentence, can_be_stated


def read_training_studies(archive: str, limit: int | None) -> Iterator[Study]:
    """Yield the readable studies of the training split of an archive, of its first N records."""
    opened = open_archive(archive)
    records = [r for r in opened.index().to_pylist() if r["split"] == "train"][:limit]
    return (study for study in opened.read(records) if isinstance(study, Study))


def list_training_sentences(studies: Iterable[Study]) -> list[str]:
    """Return the sentences of studies, sorted, without those that are kept out of all training."""
    return [text for text in sorted(count_sentences(studies)) if not is_kept_out(text)]


def count_sentences(studies: Iterable[Study]) -> Counter[str]:
    """Return the sentences that extractors read, blanks around them off, with their counts."""
    counts: Counter[str] = Counter()
    for study in studies:
        counts.update(study.report[a:b].strip() for _, a, b in list_study_sentences(study))
    return counts


def label_sentences(found: Iterable[str], *, only_stated: bool = True) -> list[LabelledSentence]:
    """Return the sentences with the rules' reading, in order.

    Args:
        found: sentences, as `count_sentences` or `invent_sentences` give them.
        only_stated: leave out what the language model's form (schema/linearize.py) cannot state
            exactly, 1 real sentence in 100: words that occur twice, in different relations.
    """
    kept = []
    for sentence in found:
        mentions, links = read_sentence(sentence)
        spans = tuple((start, end, label) for _, label, _, start, end in mentions)
        if not only_stated or can_be_stated(sentence, spans, links):
            kept.append(LabelledSentence(sentence, spans, links))
    return kept
