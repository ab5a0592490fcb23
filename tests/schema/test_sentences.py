import pytest
from hypothesis import given
from hypothesis import strategies as st

from radkg.schema.fold import fold_word
from radkg.schema.layout import flatten
from radkg.schema.sentences import MAX_SENTENCE, find_words, split_sentences

# what signs, boxes and phrases stand for
STOOD_FOR = {"no", "yes", "not", "possible", ":", ",", "or", "nor", "negative", "positive", "free"}
STOOD_FOR |= {"without", "ptx", "can", "will", "both", "and", "unchanged", "redemonstration"}


def split(text):
    return [text[start:end].strip() for start, end in split_sentences(text, 0, len(text))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("No effusion. Clear lungs.", ["No effusion", "Clear lungs"]),
        (
            "Scarring at the apex.There is no effusion.",
            ["Scarring at the apex", "There is no effusion"],
        ),
        ("no effusion seen.the heart is large", ["no effusion seen", "the heart is large"]),
        ("A nodule of 1.8 cm. Stable.", ["A nodule of 1.8 cm", "Stable"]),
        ("1. No effusion. 2. Clear lungs.", ["1. No effusion", "Clear lungs"]),
        ("Scar vs. nodule.", ["Scar vs. nodule"]),
        ("No effusion\n\nClear lungs", ["No effusion", "Clear lungs"]),
        ("a line that\nis wrapped. Done", ["a line that\nis wrapped", "Done"]),
        ("- No effusion\n- Clear lungs", ["- No effusion", "- Clear lungs"]),
        ("Clear lungs<BR>No effusion", ["Clear lungs", "No effusion"]),
        ("Really? Maybe! ", ["Really?", "Maybe"]),
        (" \n ", []),
        ("", []),
    ],
)
def test_sentences(text, expected):
    assert split(text) == expected


def test_only_the_section_is_read():
    text = "Before. Within one. Within two. After."
    start, end = text.index("Within"), text.index(" After")
    assert [text[a:b].strip() for a, b in split_sentences(text, start, end)] == [
        "Within one",
        "Within two",
    ]


def test_an_endless_sentence_is_cut_between_words():
    text = "opacity " * 1000
    pieces = list(split_sentences(text, 0, len(text)))
    assert all(end - start <= MAX_SENTENCE for start, end in pieces)
    assert "".join(text[start:end] for start, end in pieces).count("opacity") == 1000


def test_words_are_lower_cased_and_hyphens_part_them():
    assert find_words("T-Spine, 1.5 cm") == [
        ("t", 0, 1),
        ("spine", 2, 7),
        (",", 7, 8),
        ("1.5", 9, 12),
        ("cm", 13, 15),
    ]


def test_marks_of_removed_words_are_one_word():
    assert [word for word, _, _ in find_words("costophrenic ___ and XXXX")] == [
        "costophrenic",
        "xxxx",
        "and",
        "xxxx",
    ]


@given(st.text(max_size=300))
def test_sentences_cover_all_that_is_not_a_border(text):
    previous = 0
    for start, end in split_sentences(text, 0, len(text)):
        assert previous <= start < end <= len(text)
        previous = end


@given(st.text(max_size=300))
def test_words_stand_where_they_say(text):
    end = 0
    for word, start, stop in find_words(text):
        assert end <= start < stop <= len(text)
        shown = flatten(text[start:stop])
        assert word in (fold_word(shown), "xxxx") or word in STOOD_FOR
        end = stop


@pytest.mark.parametrize(
    ("written", "word"),
    [
        ("in\ufb01ltrate", "infiltrate"),
        ("pneumo\xadthorax", "pneumothorax"),
        ("pneumo\u200bthorax", "pneumothorax"),
        ("\uff25\uff46\uff46\uff55\uff53\uff49\uff4f\uff4e", "effusion"),
        ("e\u0301panchement", "epanchement"),
        ("\xe9panchement", "epanchement"),
        ("\u0153dema", "oedema"),
    ],
)
def test_a_word_is_folded_and_stands_where_it_is_written(written, word):
    text = f"No {written}, seen"
    assert find_words(text)[1] == (word, 3, 3 + len(written))
    assert [found for found, _, _ in find_words(text)] == ["no", word, ",", "seen"]


@given(st.text(max_size=300))
def test_a_flat_text_has_the_length_of_the_text(text):
    flat = flatten(text)
    assert len(flat) == len(text)
    assert "\r" not in flat
