"""Whatever the grammar lets through parses, grounds and stays within the vocabulary."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radkg.errors import ExtractorError
from radkg.model.generate.grammar import Grammar, drop_unfinished, is_valid, make_codes_grammar
from radkg.model.language import Prompt
from radkg.schema.linearize import ground, parse, split_words
from tests.benchmarks.grammar import problem, random_texts
from tests.model.tiny import COPIED, NAMES, language

KNOWN = frozenset(NAMES)


@pytest.fixture(scope="module")
def grammar():
    return Grammar(language(), 400, NAMES)


def accepts(grammar, prompt, text):
    """Whether the grammar lets these very tokens through to their end."""
    matcher = grammar.make_matcher(prompt)
    return all(matcher.consume_token(token) for token in language().encode_output(text))


def outputs(grammar, prompt, count, seed=0):
    rng = np.random.default_rng(seed)
    return list(random_texts(grammar, language(), prompt, count, rng))


@pytest.mark.parametrize("sentence", COPIED)
def test_random_outputs_of_the_target_copy_are_valid(grammar, sentence):
    prompt = Prompt("copy", sentence)
    found = outputs(grammar, prompt, 250)
    assert [problem(text, prompt, KNOWN) for text, _, _ in found] == [None] * 250
    assert all(is_valid(text, prompt, KNOWN) for text, _, _ in found)
    assert len({text for text, _, _ in found}) > 100


def test_random_outputs_of_the_target_codes_are_valid(grammar):
    prompt = Prompt("codes", "any sentence")
    found = outputs(grammar, prompt, 1000)
    assert [problem(text, prompt, KNOWN) for text, _, _ in found] == [None] * 1000
    used = {word for text, _, _ in found for word in text.split()}
    assert used >= {word for name in NAMES for word in name.split()} | {";", "modify", "located_at"}


@pytest.mark.parametrize("sentence", COPIED)
def test_grammar_accepts_what_training_writes(grammar, sentence):
    assert accepts(grammar, Prompt("copy", sentence), COPIED[sentence])


@pytest.mark.parametrize(
    "text",
    [
        "left effusion +",  # a run
        "small left effusion + modify small left effusion +",  # a word that is two mentions
        "left @ modify effusion + located_at left @ ; effusion ?",
        "",
    ],
)
def test_grammar_accepts(grammar, text):
    assert accepts(grammar, Prompt("copy", "There is a small left effusion."), text)


@pytest.mark.parametrize(
    "text",
    [
        "small effusion +",  # not side by side
        "mall +",  # cut word
        "smal +",
        "effusion . +",  # punctuation is no word
        "heart @",  # not of this sentence
        "small",  # no label
        "small + +",
        "+",
        "small + modify",
        "small + ;",
        "small + ; ; left @",
        "small +  modify left @",  # two blanks
        "small + near left @",
        "Small +",
    ],
)
def test_grammar_refuses(grammar, text):
    assert not accepts(grammar, Prompt("copy", "There is a small left effusion."), text)


@pytest.mark.parametrize(
    "text", ["pleura parieta", "pleura left", "opacity", "effusion modify", "effusion +", "; left"]
)
def test_codes_grammar_refuses(grammar, text):
    assert accepts(grammar, Prompt("codes", ""), "pleura parietal modify pleura ; effusion")
    assert not accepts(grammar, Prompt("codes", ""), text)


@pytest.mark.parametrize(
    "sentence",
    [
        "",
        "...",
        "; + - ? @",
        "a",
        "modify located_at suggestive_of modify",
        "Size 1.5 cm, 2.25 x 3. 4.",
        "___ was seen by Dr. ___",
        "\u0130stanbul \u00df \ufb01 na\u00efve \u6e2c\u8a66 \U0001d400 \u200d",
        "\ud800 lone surrogate",
        'quote " backslash \\ newline \n /(.*)/ {0,3}',
        "word " * 400,
        " ".join(f"w{i}" for i in range(400)),
        " ".join(f"{i}" * 90 for i in range(10, 20)),
    ],
)
def test_odd_sentences(grammar, sentence):
    prompt = Prompt("copy", sentence)
    for text, _, _ in outputs(grammar, prompt, 20):
        assert problem(text, prompt, KNOWN) is None
    first = [word for word, _, _ in split_words(sentence)][:2]
    if first:
        assert accepts(grammar, prompt, f"{' '.join(first)} + modify {first[0]} @")


def test_where_llguidance_gives_up_the_rest_is_cut(grammar):
    prompt = Prompt("copy", "x" * 2000)
    matcher = grammar.make_matcher(prompt)
    assert not all(matcher.consume_token(t) for t in language().encode_output("x" * 2000))
    ids, _ = grammar.list_allowed([matcher])
    assert ids.tolist() == [language().eos_id]
    assert {text for text, _, _ in outputs(grammar, prompt, 5)} == {""}


@settings(max_examples=60)
@given(st.text(max_size=80), st.integers(0, 2**32 - 1))
def test_any_text_gives_valid_outputs(grammar, sentence, seed):
    prompt = Prompt("copy", sentence)
    for text, _, _ in outputs(grammar, prompt, 4, seed):
        assert problem(text, prompt, KNOWN) is None


def test_output_is_bounded_by_the_sentence(grammar):
    prompt = Prompt("copy", "edema")
    ends = 2 * 1 + 8
    assert accepts(grammar, prompt, " ; ".join(["edema +"] * ends))
    assert not accepts(grammar, prompt, " ; ".join(["edema +"] * (ends + 1)))
    matcher = grammar.make_matcher(prompt)
    for token in language().encode_output(" ; ".join(["edema +"] * ends))[:-1]:
        matcher.consume_token(token)
    ids, allowed = grammar.list_allowed([matcher])
    assert (ids.tolist(), allowed.tolist()) == ([language().eos_id], [[True]])


def test_rows_of_a_batch_have_their_own_tokens(grammar):
    matchers = [grammar.make_matcher(Prompt("copy", text)) for text in ("edema", "left", "...")]
    ids, allowed = grammar.list_allowed(matchers)
    alone = [grammar.list_allowed([matcher])[0].tolist() for matcher in matchers]
    assert [ids[row].tolist() for row in allowed] == alone
    assert alone[2] == [language().eos_id]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("small + modify effusion + ; left @ mod", "small + modify effusion +"),
        ("small + ;", "small +"),
        ("small + modify eff", ""),
        ("", ""),
    ],
)
def test_unfinished_item_is_cut_off(text, expected):
    assert drop_unfinished(text, "copy", finished=False) == expected
    assert parse(expected, "copy") is not None


def test_name_is_not_related_to_itself():
    text = "left modify left modify effusion ; pleura located_at pleura ; small"
    expected = "left modify effusion ; pleura ; small"
    assert drop_unfinished(text, "codes", finished=True) == expected
    copied = "left @ modify left @"  # two mentions of one word: `ground` tells them apart
    assert drop_unfinished(copied, "copy", finished=True) == copied
    _, links, _ = ground("left", parse(copied, "copy"))
    assert links == [(0, 1, "modify")]


@pytest.mark.parametrize("name", ["", "a;b", "left  lung", " left", "to modify", "modify"])
def test_impossible_names_are_refused(name):
    with pytest.raises(ValueError, match="cannot be a name"):
        make_codes_grammar(["left", name])


def test_no_names_allow_nothing():
    assert not outputs(Grammar(language(), 400, ()), Prompt("codes", "left"), 1)[0][0]


@pytest.mark.parametrize(
    ("text", "target", "expected"),
    [
        ("small + modify effusion +", "copy", True),
        ("", "copy", True),
        ("small effusion +", "copy", False),
        ("small modify", "copy", False),
        ("left modify pleura", "codes", True),
        ("left modify lung", "codes", False),
    ],
)
def test_what_was_written_freely_is_checked(text, target, expected):
    assert is_valid(text, Prompt(target, "There is a small left effusion."), KNOWN) is expected


def test_missing_llguidance_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "llguidance", None)
    with pytest.raises(ExtractorError, match="pip install llguidance"):
        Grammar(language(), 400, ())
