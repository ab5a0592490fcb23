"""The crude matcher that the rules must beat: the same word lists, without their grammar.

It names every concept of a sentence, whatever is denied; or, with one regular expression for
negation, whatever stands before the first denying word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from radkg.rules.lexicon import ENTITY_KINDS, load_lexicon
from radkg.schema.records import Study
from radkg.schema.sentences import find_words, list_study_sentences

_NEGATION = re.compile(r"\b(?:no|not|without|negative|free of|clear of|absent|resolved)\b", re.I)


def list_sentence_concepts(study: Study, *, negation: bool) -> Iterator[frozenset[str]]:
    """Yield the concepts named in each sentence; with `negation`, before its first denying word."""
    lexicon = load_lexicon()
    for _, start, end in list_study_sentences(study):
        sentence = study.report[start:end]
        denial = _NEGATION.search(sentence) if negation else None
        items = lexicon.find(find_words(sentence[: denial.start()] if denial else sentence))
        concepts = {item.concept for item in items if item.kind in ENTITY_KINDS}
        named = {
            lexicon.contexts[one, other]
            for one in concepts
            for other in concepts
            if (one, other) in lexicon.contexts
        }
        yield frozenset(concepts | named)
