"""Lists that are denied as a whole, contracted denials, and phrases that stand for a word."""

import pytest

from radkg.schema.layout import flatten
from radkg.schema.sentences import find_words, split_sentences


def split(text):
    return [text[start:end] for start, end in split_sentences(text, 0, len(text))]


def read(text):
    return " ".join(word for word, _, _ in find_words(text))


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("No evidence of:\n- effusion\n- edema\nThe heart is large.", "The heart is large"),
        ("There is no:\n1. effusion\n2. edema\n3. nodules seen", "3. nodules seen"),
        ("No evidence of:\neffusion\nedema\n\nnodule", "nodule"),
        ("No evidence of:\neffusion\nedema\nNodule in the apex", "Nodule in the apex"),
        ("No: effusion, edema\nNodule", "Nodule"),
        ("Absent: effusion; edema. Nodule.", "Nodule"),
        ("Negative for:\n* effusion.\n* edema.\n* a nodule: 5 mm", "* a nodule: 5 mm"),
    ],
)
def test_a_denied_list_is_one_sentence_and_what_follows_another(text, last):
    first, *others = split(text)
    assert "effusion" in first
    assert "edema" in first
    assert others == [last]


@pytest.mark.parametrize(
    "text", ["Evidence of:\n- effusion\n- edema", "Lungs:\n- no effusion\n- edema"]
)
def test_other_lists_are_a_sentence_an_item(text):
    assert [sentence for sentence in split(text) if "edema" in sentence] == ["- edema"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("No evidence of:\n- effusion\n- edema", "no evidence of effusion or edema"),
        (
            "There is no evidence of the following: a; b and c",
            "there is no evidence of a , b and c",
        ),
        ("The following are absent: a, b, c", "no a , b or c"),
        ("Pertinent negatives: a, b or c", "no a , b or c"),
        ("None of the following:\n1) a\n2) b", "no a or b"),
        ("Pneumothorax: none", "pneumothorax : none"),
        ("No change: effusion", "no change : effusion"),
        (
            "It isn't there, can't be; DIDN'T, wasnt",
            "it is not there , can not be ; did not , was not",
        ),
        ("the patient isn", "the patient isn"),
        ("Failed to demonstrate edema", "no edema"),
        ("not only edema but also nodules", "both edema and nodules"),
        ("if any concern", "if any concern"),
        ("trace, if any.", "trace , possible"),
        ("no improvement of edema", "unchanged edema"),
    ],
)
def test_words_are_those_that_a_person_would_say(text, words):
    assert read(flatten(text)) == words


def test_a_long_list_costs_no_more_than_its_length():
    text = "No evidence of:\n" + "- effusion\n" * 20_000
    assert len(split(text)) > 19_000
