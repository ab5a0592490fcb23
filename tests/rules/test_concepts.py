"""Names for mentions that a model found, by the lexicon of the rules."""

import pytest

from radkg.rules.concepts import name_concepts, name_in_context
from radkg.rules.extractor import read_sentence
from radkg.rules.lexicon import load_lexicon


def named(sentence, *found, links=()):
    """Return the concepts of (words, label) pairs, by their first occurrence."""
    spans = [
        (sentence.index(text), sentence.index(text) + len(text), label) for text, label in found
    ]
    return name_concepts(sentence, spans, list(links))


@pytest.mark.parametrize(
    "sentence",
    [
        "Small left pleural effusion",
        "Patchy basilar opacities, which may represent atelectasis",
        "Heart size is enlarged, and the lung volumes are low.",
        "No pneumothorax; calcified granulomas in the right upper lobe",
        "Mild scoliosis of the thoracic spine",
    ],
)
def test_a_mention_has_the_name_that_the_rules_give_it(sentence):
    mentions, links = read_sentence(sentence)
    spans = [(start, end, label) for _, label, _, start, end in mentions]
    assert name_concepts(sentence, spans, links) == [concept for _, _, concept, _, _ in mentions]


def test_a_word_with_two_readings_is_named_by_its_site_or_its_finding():
    found = [("bibasilar", "ANAT-DP"), ("opacity", "OBS-DP")]
    assert named("bibasilar opacity", *found) == ["base", "opacity"]
    assert named("dextroscoliosis", ("dextroscoliosis", "OBS-DP")) == ["scoliosis"]


def test_a_stated_negative_is_normality_and_a_denied_one_is_none():
    assert named("Negative chest", ("Negative", "OBS-DP"), ("chest", "ANAT-DP")) == [
        "normal",
        "thorax",
    ]
    assert named("not negative", ("negative", "OBS-DA")) == ["negative"]


@pytest.mark.parametrize(
    ("sentence", "found", "links", "expected"),
    [
        (
            "Focal airspace disease",
            [("Focal", "OBS-DP"), ("airspace", "ANAT-DP"), ("disease", "OBS-DP")],
            [(0, 2, "modify"), (2, 1, "located_at")],
            ["focal", "lung", "airspace disease"],
        ),
        (
            "right lower lobe pneumonia",
            [("right", "ANAT-DP"), ("lower", "ANAT-DP"), ("lobe", "ANAT-DP")],
            [(0, 2, "modify"), (1, 2, "modify")],
            ["right", "lower", "lower lobe"],
        ),
        (
            "Heart size is enlarged",
            [("Heart", "ANAT-DP"), ("size", "ANAT-DP"), ("enlarged", "OBS-DP")],
            [(1, 0, "modify"), (2, 0, "located_at")],
            ["heart", "size", "cardiomegaly"],
        ),
        (
            "no pleural effusions",
            [("pleural", "ANAT-DP"), ("effusions", "OBS-DA")],
            [(1, 0, "located_at")],
            ["pleural", "effusion"],
        ),
    ],
)
def test_short_mentions_name_one_concept_together(sentence, found, links, expected):
    assert named(sentence, *found, links=links) == expected


def test_what_the_lexicon_lacks_is_named_by_its_words():
    assert named("A Zebra--Stripe sign", ("Zebra--Stripe", "OBS-DP")) == ["zebra stripe"]
    assert named("the ___ of it", ("___", "OBS-DP")) == ["xxxx"]
    assert named("+", ("+", "OBS-DP")) == ["+"]  # a name is never empty


def test_a_span_of_another_extent_is_looked_up_by_itself():
    # the rules read "pleural effusion" in parts; a model may take it as one mention
    whole = named("Pleural Effusions seen", ("Pleural Effusions", "OBS-DP"))
    assert whole == named("pleural effusions", ("pleural effusions", "OBS-DP"))
    # a label that the lexicon does not expect changes nothing
    assert named("edema", ("edema", "ANAT-DP")) == named("edema", ("edema", "OBS-DP")) == ["edema"]


def test_two_mentions_name_one_concept_together():
    found = [("Heart", "ANAT-DP"), ("enlarged", "OBS-DP")]
    assert named("Heart is enlarged", *found) == ["heart", "enlarged"]
    for link in [(1, 0, "located_at"), (0, 1, "modify")]:
        assert named("Heart is enlarged", *found, links=[link]) == ["heart", "cardiomegaly"]


def test_context_reads_the_names_and_leaves_them_alone():
    names = ["low", "lung"]
    assert name_in_context(load_lexicon(), names, [(0, 1, "modify")]) == ["hypoinflation", "lung"]
    assert names == ["low", "lung"]
