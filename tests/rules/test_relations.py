"""Relations, in RadGraph's directions, by the concepts that they join."""

import pytest

from tests.rules.reading import triplets

RELATIONS = [
    (
        "Mild left basilar atelectasis.",
        {
            ("mild", "modify", "atelectasis"),
            ("left", "modify", "base"),
            ("atelectasis", "located_at", "base"),
        },
    ),
    (
        "Opacity in the left lower lobe.",
        {("opacity", "located_at", "lower lobe"), ("left", "modify", "lower lobe")},
    ),
    (
        "Streaky and patchy opacities in the right middle lobe and lingula.",
        {
            ("streaky", "modify", "opacity"),
            ("patchy", "modify", "opacity"),
            ("right", "modify", "middle lobe"),
            ("opacity", "located_at", "middle lobe"),
            ("opacity", "located_at", "lingula"),
        },
    ),
    (
        "Right basilar and left apical opacities.",
        {
            ("right", "modify", "base"),
            ("left", "modify", "apex"),
            ("opacity", "located_at", "base"),
            ("opacity", "located_at", "apex"),
        },
    ),
    (
        "Elevation of the right hemidiaphragm.",
        {("elevated", "located_at", "diaphragm"), ("right", "modify", "diaphragm")},
    ),
    (
        "Degenerative changes are present in the thoracic spine.",
        {("degenerative", "located_at", "thoracic vertebrae")},
    ),
    (
        "The aorta is tortuous and calcified.",
        {("tortuous", "located_at", "aorta"), ("calcification", "located_at", "aorta")},
    ),
    (
        "Tortuous, calcified aorta.",
        {("tortuous", "located_at", "aorta"), ("calcification", "located_at", "aorta")},
    ),
    (
        "There are calcified left hilar and mediastinal lymph nodes.",
        {
            ("left", "modify", "hilum"),
            ("calcification", "located_at", "hilum"),
            ("calcification", "located_at", "mediastinum"),
            ("calcification", "located_at", "lymph nodes"),
        },
    ),
    (
        "The lungs are hyperexpanded, with flattened diaphragms.",
        {("hyperdistention", "located_at", "lung"), ("flattened", "located_at", "diaphragm")},
    ),
    ("Low lung volumes.", {("hypoinflation", "located_at", "lung")}),
    ("Lung volumes are low.", {("hypoinflation", "located_at", "lung")}),
    (
        "The heart is mildly enlarged.",
        {("mild", "modify", "cardiomegaly"), ("cardiomegaly", "located_at", "heart")},
    ),
    (
        "Mildly enlarged heart without edema.",
        {("mild", "modify", "cardiomegaly"), ("cardiomegaly", "located_at", "heart")},
    ),
    (
        "Enlarged cardiac silhouette.",
        {("enlarged", "located_at", "cardiac silhouette")},
    ),
    (
        "Heart size and mediastinal contour are within normal limits.",
        {("normal", "located_at", "heart"), ("normal", "located_at", "mediastinum")},
    ),
    (
        "Heart size normal, lungs clear.",
        {("normal", "located_at", "heart"), ("clear", "located_at", "lung")},
    ),
    (
        "Small left effusion, unchanged.",
        {
            ("small", "modify", "effusion"),
            ("stable", "modify", "effusion"),
            ("effusion", "located_at", "left"),
        },
    ),
    (
        "No pleural effusion.",
        {("effusion", "located_at", "pleural")},
    ),
    (
        "Bilateral pleural effusions, left greater than right.",
        {("bilateral", "modify", "pleural"), ("effusion", "located_at", "pleural")},
    ),
    ("Biapical scarring.", {("bilateral", "modify", "apex"), ("scarring", "located_at", "apex")}),
    (
        "Bibasilar atelectasis.",
        {("bilateral", "modify", "base"), ("atelectasis", "located_at", "base")},
    ),
    (
        "Thoracolumbar dextroscoliosis.",
        {
            ("scoliosis", "located_at", "thoracic vertebrae"),
            ("scoliosis", "located_at", "lumbar vertebrae"),
            ("right", "modify", "lumbar vertebrae"),
        },
    ),
    (
        "Left basilar scarring or atelectasis.",
        {
            ("left", "modify", "base"),
            ("scarring", "located_at", "base"),
            ("atelectasis", "located_at", "base"),
        },
    ),
    (
        "Scarring or atelectasis in the left base.",
        {
            ("left", "modify", "base"),
            ("scarring", "located_at", "base"),
            ("atelectasis", "located_at", "base"),
        },
    ),
    (
        "Opacities in the central lung and bases.",
        {
            ("central", "located_at", "lung"),
            ("opacity", "located_at", "lung"),
            ("opacity", "located_at", "base"),
        },
    ),
    (
        "Old healed fracture of the left 7th rib.",
        {
            ("healed", "modify", "fracture"),
            ("fracture", "located_at", "ribs"),
            ("left", "modify", "ribs"),
        },
    ),
    ("No pleural effusion or consolidation.", {("effusion", "located_at", "pleural")}),
    ("The effusion is small.", {("small", "modify", "effusion")}),
    ("Prominent pulmonary vasculature.", {("congestion", "located_at", "pulmonary vasculature")}),
    ("Cardiomegaly with edema.", set()),
    ("Nodular density.", {("round", "modify", "density")}),
    (
        "PICC with tip in the SVC.",
        {("catheter", "located_at", "superior vena cava")},
    ),
]


@pytest.mark.parametrize(("sentence", "expected"), RELATIONS)
def test_relations(sentence, expected):
    assert triplets(sentence) == expected


SUGGESTIONS = [
    ("Opacity may represent pneumonia.", {("opacity", "pneumonia")}),
    (
        "Opacity may represent atelectasis or pneumonia.",
        {("opacity", "atelectasis"), ("opacity", "pneumonia")},
    ),
    ("Left basilar opacity, likely atelectasis.", {("opacity", "atelectasis")}),
    ("Nodule consistent with granuloma.", {("nodule", "granuloma")}),
    ("Opacities which may represent edema.", {("opacity", "edema")}),
    ("Hyperexpanded lungs suggesting emphysema.", {("hyperdistention", "emphysema")}),
    ("Consolidation suspicious for pneumonia.", {("consolidation", "pneumonia")}),
    ("The opacity is probably scarring.", {("opacity", "scarring")}),
    ("Small effusion and likely atelectasis.", set()),
    ("Possible pneumonia.", set()),
    ("Heart size is normal, likely atelectasis.", set()),
]


@pytest.mark.parametrize(("sentence", "expected"), SUGGESTIONS)
def test_suggestive_of(sentence, expected):
    found = {
        (head, tail) for head, relation, tail in triplets(sentence) if relation == "suggestive_of"
    }
    assert found == expected
