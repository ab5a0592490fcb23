"""What the models learn from: human codes (closed vocabulary), annotated texts, silver readings.

`copy` examples are annotated sentences, and sentences with another reader's reading (silver).
`codes` examples are sentences with the part of their study's human codes that they can account
for, and whole studies, by their images, with all of them. Everything comes from the training split.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache

from radkg.gold.coded import CodedStudies
from radkg.gold.codes import Gold, GoldTriplet
from radkg.gold.filing import Filing, fit_filing, list_gold_findings, list_gold_triplets
from radkg.gold.held_out import is_held_out
from radkg.gold.statements import list_stated_findings, list_statements
from radkg.model.vlmkg.batches import Example
from radkg.rules import RulesExtractor
from radkg.schema.linearize import make_coded_items, make_items, write
from radkg.schema.records import Extraction, Study
from radkg.schema.sentences import list_study_sentences
from radkg.train.frames import frame_findings
from radkg.train.labelled import LabelledSentence, can_be_stated
from radkg.train.silver import count_sentences, invent_sentences
from radkg.train.variation import Variation

MAX_REPEATS = 8  # of one sentence with one output: "The lungs are clear" is not all there is


def split_held_out(coded: CodedStudies) -> tuple[CodedStudies, CodedStudies]:
    """Return studies to train on, and the tenth to choose on."""
    is_held = [is_held_out(study) for study in coded.studies]
    return (
        coded.choose(i for i, held in enumerate(is_held) if not held),
        coded.choose(i for i, held in enumerate(is_held) if held),
    )


def make_copy_examples(
    annotated: Sequence[LabelledSentence],
    others: Iterable[LabelledSentence],
    num_varied: int,
    seed: int,
) -> list[Example]:
    """Return examples of the target `copy`, those left out that its form cannot state.

    Args:
        annotated: sentences with their labels.
        others: sentences with the reading of another reader (silver); annotated ones are left out.
        num_varied: variations of annotated sentences beside the sentences themselves, and a tenth
            as many turns of speech around annotated findings (train/frames.py).
        seed: decides how sentences vary.
    """
    variation, rng = Variation(annotated), random.Random(seed)
    known = [*annotated, *frame_findings(annotated, num_varied // 10, seed)]
    known += [variation.vary(rng.choice(annotated), rng) for _ in range(num_varied)]
    labelled = {one.sentence for one in annotated}
    known += [one for one in others if one.sentence not in labelled]
    return [
        make_copy_example(one) for one in known if can_be_stated(one.sentence, one.spans, one.links)
    ]


def make_copy_example(one: LabelledSentence) -> Example:
    """Return a labelled sentence as an example of the target `copy`."""
    return Example("copy", one.sentence, write(make_items(one.sentence, one.spans, one.links)))


def make_codes_examples(
    coded: CodedStudies, num_invented: int, seed: int, known_images: Iterable[str] = ()
) -> list[Example]:
    """Return examples of the target `codes`, one per sentence: human codes, then silver ones.

    A silver one is an invented sentence with what the coders would file for the rules' reading.
    Sentences of studies with images in `known_images` come a second time, with those images.
    """
    filing = fit_filing(RulesExtractor()(coded.studies), coded.golds)
    known = frozenset(known_images)
    repeats: Counter[tuple[str, str]] = Counter()
    examples = []
    for study, codes in zip(coded.studies, coded.golds, strict=True):
        ids = _known_images(study, known)
        for sentence, output in align(study, codes, filing):
            repeats[sentence, output] += 1
            if repeats[sentence, output] > MAX_REPEATS:
                continue
            examples.append(Example("codes", sentence, output))
            if ids:
                examples.append(Example("codes", sentence, output, ids))
    if num_invented:
        made = invent_sentences(count_sentences(coded.studies), num_invented, seed, mild=True)
        examples += [
            Example("codes", text, write_filed_codes(read_text(text), filing)) for text in made
        ]
    return examples


def make_image_examples(coded: CodedStudies, known_images: Iterable[str]) -> list[Example]:
    """Return whole studies, by those of their images in `known_images`, with all their codes."""
    known = frozenset(known_images)
    found = []
    for study, codes in zip(coded.studies, coded.golds, strict=True):
        ids = _known_images(study, known)
        if ids:
            found.append(Example("codes", "", write_all_codes(codes), ids))
    return found


def collect_vocabulary(coded: CodedStudies) -> tuple[str, ...]:
    """Return every name that the human codes of the studies use, sorted."""
    names = {name for codes in coded.golds for name in list_gold_findings(codes)}
    for codes in coded.golds:
        names |= {end for head, _, tail in list_gold_triplets(codes) for end in (head, tail)}
    return tuple(sorted(names))


def align(study: Study, codes: Gold, filing: Filing) -> list[tuple[str, str]]:
    """Return each sentence of a study with the part of the codes that it can account for.

    What the coders' conventions derive from a sentence is that sentence's; a triplet that no
    sentence yields goes where its observation stands, and is left out where that stands nowhere.
    """
    texts = [study.report[a:b].strip() for _, a, b in list_study_sentences(study)]
    readings = [read_text(text) for text in texts]
    triplets, names = list_gold_triplets(codes), list_gold_findings(codes)
    could = [{t for t, _ in list_statements(r, filing.implied_sites)} for r in readings]
    stated = [{name for name, _ in list_stated_findings(r)} for r in readings]
    given = [set(triplets & c) for c in could]
    # sites before what modifies them ("left modify base" goes where "opacity located_at base" went)
    for triplet in sorted(triplets - set().union(*given), key=lambda t: (t[1], t)):
        ends = {triplet[0], triplet[2]}
        for found, named in zip(given, stated, strict=True):
            about = {end for head, _, tail in found for end in (head, tail)} | (named & names)
            if ends & about:
                found.add(triplet)
    return [
        (text, _codes(found, named & names))
        for text, found, named in zip(texts, given, stated, strict=True)
    ]


def write_all_codes(codes: Gold) -> str:
    """Return all codes of a study as the model writes them."""
    return _codes(list_gold_triplets(codes), list_gold_findings(codes))


def write_filed_codes(extraction: Extraction, filing: Filing) -> str:
    """Return the codes that would be filed for an extraction, as the model writes them."""
    return _codes(filing.predict_triplets(extraction), filing.predict_findings(extraction))


def read_text(text: str) -> Extraction:
    """Return the rules' reading of a text that is no study."""
    study = Study("text", "text", "text", None, text, (), (), None, "text")
    (extraction,) = _rules()([study])
    return extraction


def _known_images(study: Study, known: frozenset[str]) -> tuple[str, ...]:
    return tuple(image.image_id for image in study.images if image.image_id in known)


@cache
def _rules() -> RulesExtractor:
    return RulesExtractor(cache_size=0)


def _codes(triplets: Iterable[GoldTriplet], names: Iterable[str]) -> str:
    return write(make_coded_items(sorted(triplets), names))
