"""Typing errors: which words stand for a term of the lists, and which are left alone."""

import pytest

from radkg.rules.extractor import read_sentence
from radkg.rules.lexicon import load_lexicon
from radkg.rules.spelling import Spelling


@pytest.mark.parametrize(
    ("word", "term"),
    [
        ("effussion", "effusion"),  # a letter too much
        ("pneumthorax", "pneumothorax"),  # one too few
        ("atelectesis", "atelectasis"),  # another one
        ("noraml", "normal"),  # two swapped
    ],
)
def test_one_slip_is_mended(word, term):
    assert load_lexicon().spelling.mend(word) == term


@pytest.mark.parametrize("word", ["nothing", "course", "patience", "zebras", "edma", "x12345"])
def test_plain_english_short_and_unknown_words_are_left(word):
    assert load_lexicon().spelling.mend(word) == word


def test_a_word_near_two_terms_is_left():
    assert Spelling(["bronchus", "bronchos"], ()).mend("bronchxs") == "bronchxs"


def test_a_mistyped_finding_is_read_where_it_stands():
    mentions, _ = read_sentence("Small left efusion.")
    assert [(text, concept) for text, _, concept, _, _ in mentions] == [
        ("Small", "small"),
        ("left", "left"),
        ("efusion", "effusion"),
    ]
