"""What a variant learns: human codes asked of sentences, of whole reports, of images, of both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from radkg.experiments.study_sets import Images, StudySet
from radkg.model.vlmkg.batches import Example
from radkg.schema.records import Condition, Study
from radkg.schema.sentences import study_sentences
from radkg.train.supervision import MAX_REPEATS, write_all_codes

PromptUnit = Literal["sentence", "report"]
Aligned = Mapping[str, Sequence[tuple[str, str]]]
PROMPT_UNITS: tuple[PromptUnit, ...] = get_args(PromptUnit)


def list_texts(study: Study, condition: Condition, unit: PromptUnit) -> list[str]:
    """Return what is shown of a study's report, one text a prompt: "" where it is not read."""
    if condition == "image":
        return [""]
    found = [study.report[a:b].strip() for _, a, b in study_sentences(study)]
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

    A sentence answers for the codes that it accounts for, a report or an image for all of them;
    one sentence with one answer counts MAX_REPEATS times at most.

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
