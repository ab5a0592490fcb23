"""The shortest spans: which words of a phrase are entities, and which phrases stay whole."""

import csv

import pytest

from radkg.rules.extractor import read_sentence
from radkg.rules.lexicon import DATA, load_lexicon
from radkg.rules.measurements import find_measurement
from radkg.schema.sentences import find_words

SPANS = [
    ("Small left pleural effusion", ["Small P", "left A", "pleural A", "effusion P"]),
    ("Airspace disease", ["Airspace A", "disease P"]),
    ("Heart size is normal", ["Heart A", "size A", "normal P"]),
    ("Bibasilar scarring", ["Bibasilar A", "scarring P"]),
    ("Endotracheal tube", ["Endotracheal tube P"]),
    ("Chest tubes", ["Chest tubes P"]),
    ("Chronic obstructive pulmonary disease", ["Chronic obstructive pulmonary disease P"]),
    ("Loss of height", ["Loss P", "height A"]),
    ("Soft tissues are unremarkable", ["Soft tissues A", "unremarkable P"]),
    ("The costophrenic XXXX are sharp", ["costophrenic A", "sharp P"]),
    ("A 4 x 3 cm mass", ["4 x 3 cm P", "mass P"]),
    ("Left lower lobe volume loss", ["Left A", "lower A", "lobe A", "volume A", "loss P"]),
]


@pytest.mark.parametrize(("sentence", "expected"), SPANS)
def test_spans(sentence, expected):
    mentions, _ = read_sentence(sentence)
    short = {"ANAT-DP": "A", "OBS-DP": "P"}
    assert [f"{text} {short[label]}" for text, label, *_ in mentions] == expected


@pytest.mark.parametrize(
    ("text", "is_measurement"),
    [
        ("4 cm", True),
        ("4cm", True),
        ("2.4 x 1.9 cm", True),
        ("2 to 3 mm", True),
        ("30%", True),
        ("4 views", False),
        ("2 x", False),
        ("12", False),
    ],
)
def test_measurements(text, is_measurement):
    found = find_words(text)
    assert find_measurement(found, 0) == (len(found) if is_measurement else 0)


def test_a_run_is_a_phrase_of_the_lexicon():
    lines = [line for line in DATA.joinpath("runs.csv").open() if not line.startswith("#")]
    for row in csv.DictReader(lines):
        (item, *_) = load_lexicon().find(find_words(row["phrase"]))
        assert item.phrase == row["phrase"]
