"""Make the training examples: prompts of sentences, reports or images, answered by human codes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from radkg.experiments.study_sets import Images, StudySet
from radkg.model.vlmkg.batches import Example
from radkg.schema.records import Condition, Study
from radkg.schema.sentences import list_study_sentences
from radkg.train.supervision import MAX_REPEATS, write_all_codes

PromptUnit = Literal["sentence", "report"]
Aligned = Mapping[str, Sequence[tuple[str, str]]]
PROMPT_UNITS: tuple[PromptUnit, ...] = get_args(PromptUnit)


def list_texts(study: Study, condition: Condition, unit: PromptUnit) -> list[str]:
    """Return the texts of a study's prompts; the text is "" where the report is not read."""
    if condition == "image":
        return [""]
    found = [study.report[a:b].strip() for _, a, b in list_study_sentences(study)]
    # a semicolon survives the cut into words, a full stop does not
    return [" ; ".join(found)] if unit == "report" else found


def make_examples(
    part: StudySet,
    condition: Condition,
    aligned: Aligned,
    images: Images,
    unit: PromptUnit = "sentence",
) -> list[Example]:
    """Return the examples of a condition, study by study.

    A sentence is answered with the codes that it states, a report or an image with all codes. A
    sentence with the same answer is repeated at most MAX_REPEATS times.

    Args:
        aligned: the sentences of each study with their codes, by study_id (supervision.align).
    """
    found: list[Example] = []
    repeats: Counter[tuple[str, str]] = Counter()
    for study, gold in zip(part.studies, part.golds, strict=True):
        ids = images.get(study.study_id, ()) if condition != "report" else ()
        if condition == "image" or unit == "report":
            answer = write_all_codes(gold)
            found += [Example("codes", t, answer, ids) for t in list_texts(study, condition, unit)]
            continue
        for pair in aligned[study.study_id]:
            repeats[pair] += 1
            if repeats[pair] <= MAX_REPEATS:
                found.append(Example("codes", *pair, ids))
    return found
