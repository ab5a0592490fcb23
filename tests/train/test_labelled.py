"""Annotated sentences as readers learn them, and variations that state the same of other words."""

import random

import pytest

from radkg.gold.annotated import is_kept_out, read_annotated_reports, read_annotated_sentences
from radkg.model.onepass.batches import encode
from radkg.model.onepass.words import WordTable
from radkg.schema.sentences import find_words
from radkg.train.frames import Phrase, fill_frame, frame_findings, list_phrases
from radkg.train.labelled import (
    LabelledSentence,
    can_be_stated,
    cut_labelled_sentences,
    fit_to_words,
    read_labelled_sentences,
)
from radkg.train.variation import Variation, slip

EFFUSION = LabelledSentence(
    "Small left effusion, no mass.",
    ((0, 5, "OBS-DP"), (6, 10, "ANAT-DP"), (11, 19, "OBS-DP"), (24, 28, "OBS-DA")),
    ((0, 2, "modify"), (2, 1, "located_at")),
)


def test_a_tenth_is_kept_out_whole():
    training, kept_out = read_labelled_sentences(), read_labelled_sentences(kept_out=True)
    texts = [*read_annotated_sentences(), *read_annotated_reports()]
    cut = {True: 0, False: 0}
    for text in texts:
        cut[is_kept_out(text.text)] += len(list(cut_labelled_sentences(text)))
    assert (len(training), len(kept_out)) == (cut[False], cut[True])
    assert 0.07 < len(kept_out) / len(training) < 0.15


def test_nothing_but_a_slip_of_the_annotators_is_lost():
    texts = [*read_annotated_sentences(), *read_annotated_reports()]
    found = [one for text in texts for one in cut_labelled_sentences(text)]
    spans = sum(len(one.spans) for one in found)
    links = sum(len(one.links) for one in found)
    assert sum(len(text.spans) for text in texts) - spans <= 2
    assert sum(len(text.links) for text in texts) - links <= 2


def test_spans_become_runs_of_words():
    sentence = "old port-a-cath tip"
    found = fit_to_words(sentence, [(4, 11, "OBS-DP"), (16, 19, "OBS-DP")], [(1, 0, "modify")])
    assert [sentence[a:b] for a, b, _ in found.spans] == ["port-a", "tip"]
    assert found.links == ((1, 0, "modify"),)
    crossed = fit_to_words(sentence, [(0, 8, "OBS-DP"), (4, 15, "OBS-DP")], [(0, 1, "modify")])
    assert [sentence[a:b] for a, b, _ in crossed.spans] == ["old port"]
    assert crossed.links == ()


def say(one: LabelledSentence) -> set[tuple[str, str, str]]:
    return {(one.spans[h][2], kind, one.spans[t][2]) for h, t, kind in one.links}


@pytest.mark.parametrize("seed", [1, 2])
def test_a_variation_states_the_same_of_other_words(seed):
    found = read_labelled_sentences()[:200]
    variation, rng = Variation(found), random.Random(seed)
    changed = 0
    for one in found:
        varied = variation.vary(one, rng)
        assert [label for _, _, label in varied.spans] == [label for _, _, label in one.spans]
        assert (varied.links, say(varied)) == (one.links, say(one))
        places = find_words(varied.sentence)
        assert {start for start, _, _ in varied.spans} <= {start for _, start, _ in places}
        assert {end for _, end, _ in varied.spans} <= {end for _, _, end in places}
        changed += varied.sentence != one.sentence
    assert 40 < changed < 160


def test_the_words_around_the_entities_stay():
    other = LabelledSentence(
        "Patchy opacity", ((0, 6, "OBS-DP"), (7, 14, "OBS-DP")), ((0, 1, "modify"),)
    )
    variation = Variation([EFFUSION, other])
    varied = {variation.vary(EFFUSION, random.Random(seed)).sentence for seed in range(200)}
    assert "Patchy left effusion, no mass." in varied
    assert all(sentence.endswith("mass.") or "no " in sentence for sentence in varied)


def test_a_slip_changes_letters_of_longer_words_only():
    rng = random.Random(1)
    slips = {slip(EFFUSION, rng).sentence for _ in range(500)}
    assert len(slips) > 10
    for sentence in slips - {EFFUSION.sentence}:
        assert " left " in sentence
        assert sentence.endswith(", no mass.")


def test_what_the_written_form_can_state():
    assert can_be_stated(EFFUSION.sentence, EFFUSION.spans, EFFUSION.links)
    assert not can_be_stated("Small effusion", [(1, 4, "OBS-DP")], [])


def test_every_frame_is_filled_with_findings_that_stand_as_it_says():
    annotated = read_labelled_sentences()[:400]
    phrases = list(list_phrases(annotated))
    assert len(phrases) > 200
    framed = list(frame_findings(annotated, 300, seed=1))
    assert framed == list(frame_findings(annotated, 300, seed=1))
    assert framed != list(frame_findings(annotated, 300, seed=2))
    assert not any(sign in one.sentence for one in framed for sign in "{}")
    encode(framed, WordTable(512))  # raises where a span is no run of words
    labels = {label for one in framed for _, _, label in one.spans}
    assert labels == {"ANAT-DP", "OBS-DP", "OBS-DA", "OBS-U"}


@pytest.mark.parametrize(
    ("frame", "labels"),
    [
        ("The {N} is gone.", ["OBS-DA"]),
        ("No {N}, {P} is present.", ["OBS-DA", "OBS-DP"]),
        ("History of {-} and {-}.", []),
        ("No [progression/N] of {P}.", ["OBS-DA", "OBS-DP"]),
        ("r/o {U}", ["OBS-U"]),
    ],
)
def test_a_slot_gives_its_finding_its_label(frame, labels):
    phrase = Phrase("edema", ((0, 5, "OBS-DP"),), ())
    one = fill_frame(frame, [phrase], random.Random(0))
    assert [label for _, _, label in one.spans] == labels
    assert one.links == (((0, 1, "modify"),) if "[" in frame else ())


def test_a_finding_comes_with_its_words_and_its_place():
    sentence = "There is a small left effusion."
    spans = ((11, 16, "OBS-DP"), (17, 21, "ANAT-DP"), (22, 30, "OBS-DP"))
    links = ((0, 2, "modify"), (2, 1, "located_at"))
    (phrase,) = list_phrases([LabelledSentence(sentence, spans, links)])
    assert (phrase.text, phrase.links, phrase.head) == ("small left effusion", links, 2)
    one = fill_frame("No {N}, old", [phrase], random.Random(0))
    assert [(one.sentence[a:b], label) for a, b, label in one.spans] == [
        ("small", "OBS-DA"),
        ("left", "ANAT-DP"),
        ("effusion", "OBS-DA"),
    ]
