from collections import Counter

import pytest

from radkg.rules.extractor import read_sentence
from radkg.schema.records import Section, Study
from radkg.train.labelled import can_be_stated
from radkg.train.silver import (
    MAX_WORDS,
    count_sentences,
    invent_sentences,
    label_sentences,
)

REAL = (
    "Small left pleural effusion",
    "There is no pneumothorax or focal consolidation",
    "Patchy bibasilar opacities, which may represent atelectasis",
    "Heart size is normal, and the thoracic aorta is tortuous",
    "Possible nodule in the right upper lobe",
    "Mild dextroscoliosis of the thoracic spine",
)


def study(report: str, *sections: Section) -> Study:
    return Study("1", "1", "invented", None, report, sections, (), "train", "0" * 16)


def test_the_sentences_of_an_archive_are_those_that_extractors_read():
    report = "Cough.  No effusion. No effusion . Clear lungs."
    sections = (Section("indication", 0, 7), Section("findings", 7, len(report)))
    assert count_sentences([study(report, *sections)]) == Counter(
        {"No effusion": 2, "Clear lungs": 1}
    )


def test_silver_is_the_reading_of_the_rules():
    found = label_sentences(REAL)
    assert [s.sentence for s in found] == list(REAL)
    for one in found:
        mentions, links = read_sentence(one.sentence)
        assert one.spans == tuple((start, end, label) for _, label, _, start, end in mentions)
        assert one.links == links


def test_what_the_written_form_cannot_state_is_left_out():
    # two words alike, of which the second has the relation: the form would name the first
    sentence = "Circular densities overlying ribs are in the ribs"
    mentions, links = read_sentence(sentence)
    spans = tuple((start, end, label) for _, label, _, start, end in mentions)
    assert not can_be_stated(sentence, spans, links)
    assert label_sentences([sentence, REAL[0]]) == label_sentences([REAL[0]])
    assert len(label_sentences([sentence, REAL[0]], only_stated=False)) == 2


def test_inventions_are_as_many_as_asked_new_and_repeatable():
    one = list(invent_sentences(REAL, 300, seed=1))
    assert one == list(invent_sentences(reversed(REAL), 300, seed=1))
    assert one != list(invent_sentences(REAL, 300, seed=2))
    assert len(set(one)) == 300
    assert not set(one) & set(REAL)
    assert all(0 < len(s.split()) <= MAX_WORDS for s in one)


def test_inventions_suggest_deny_and_doubt_often_enough_to_be_learnt():
    found = label_sentences(invent_sentences(REAL, 2000, seed=3))
    assert len(found) > 1500  # few words, so many twice
    suggesting = sum(any(r == "suggestive_of" for _, _, r in s.links) for s in found)
    assert suggesting / len(found) >= 0.12
    labels = Counter(label for s in found for _, _, label in s.spans)
    assert all(labels[label] / labels.total() > 0.05 for label in ("OBS-DP", "OBS-DA", "OBS-U"))


def test_inventions_reach_words_that_the_archive_does_not_have():
    text = " ".join(invent_sentences(REAL, 3000, 4)).lower()
    assert len(set(text.split())) > 1500
    assert all(phrase in text for phrase in ("bihilar", "cannot be excluded", "may be due to"))


def test_nothing_is_invented_from_nothing():
    with pytest.raises(ValueError, match="no sentence"):
        next(invent_sentences([], 1, seed=0))
