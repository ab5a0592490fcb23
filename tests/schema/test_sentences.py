import ast
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radkg.schema import sentences
from radkg.schema.fold import fold_word
from radkg.schema.layout import flatten
from radkg.schema.sentences import MAX_SENTENCE, READING_FILES, find_words, split_sentences

# What stands in a text for another word: signs, and words; phrases and contractions have a pattern.
SIGNS = {"", "?", ",", "n", "y", "false", "true", "0", "1", "pos", "x", "ve", "\u00f8", "\u2205"}
SIGNS |= {*"\u2610\u2611\u2612\u2713\u2714", "sans", "devoid", "pnx", "ca", "wo"}
PHRASES = re.compile(
    r"n'?t|re-demonstration|but also|not only|if any|at most|doubt|concern for|ruled out for"
    r"|(?:cannot|can not|could not|unable to|fails? to|failed to|nor|not|no) .*"
    r"|negatives?|neg|absent|excluded|denied|neither|none of the following|did ?not .*",
    re.DOTALL,
)
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
        if word not in (fold_word(shown), "xxxx"):
            sign = shown.lower().strip("[]() -+_*")
            parts_items = word in (",", "or") and (";" in shown or "\n" in shown)
            assert parts_items or sign in SIGNS or PHRASES.fullmatch(sign)
            assert word in STOOD_FOR
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


def test_every_file_that_decides_on_words_is_in_the_id_of_the_models():
    def list_imported(path):
        modules = {n.module for n in ast.walk(ast.parse(path.read_text())) if hasattr(n, "module")}
        names = {m.removeprefix("radkg.schema.") for m in modules if m.startswith("radkg.schema.")}
        return {path.with_name(f"{name}.py") for name in names - {"records"}}

    reached, new = set(), {Path(sentences.__file__)}
    while new:
        reached |= new
        new = set().union(*map(list_imported, new)) - reached
    assert set(READING_FILES) == reached
