"""Relations, in RadGraph's directions: between words, and between the concepts they name."""

import pytest

from tests.rules.reading import spoken, triplets

RELATIONS = [
    (
        "Mild left basilar atelectasis.",
        {"atelectasis located_at basilar", "left modify basilar", "mild modify atelectasis"},
    ),
    (
        "Opacity in the left lower lobe.",
        {"left modify lobe", "lower modify lobe", "opacity located_at lobe"},
    ),
    (
        "Streaky and patchy opacities in the right middle lobe and lingula.",
        {
            "middle modify lobe",
            "opacities located_at lingula",
            "opacities located_at lobe",
            "patchy modify opacities",
            "right modify lobe",
            "streaky modify opacities",
        },
    ),
    (
        "Right basilar and left apical opacities.",
        {
            "left modify apical",
            "opacities located_at apical",
            "opacities located_at basilar",
            "right modify basilar",
        },
    ),
    (
        "Elevation of the right hemidiaphragm.",
        {"elevation located_at hemidiaphragm", "right modify hemidiaphragm"},
    ),
    (
        "Degenerative changes are present in the thoracic spine.",
        {"changes located_at spine", "degenerative modify changes", "thoracic modify spine"},
    ),
    (
        "The aorta is tortuous and calcified.",
        {"calcified located_at aorta", "tortuous located_at aorta"},
    ),
    ("Tortuous, calcified aorta.", {"calcified located_at aorta", "tortuous located_at aorta"}),
    (
        "There are calcified left hilar and mediastinal lymph nodes.",
        {
            "calcified located_at hilar",
            "calcified located_at lymph nodes",
            "left modify hilar",
            "mediastinal modify lymph nodes",
        },
    ),
    (
        "The lungs are hyperexpanded, with flattened diaphragms.",
        {"flattened located_at diaphragms", "hyperexpanded located_at lungs"},
    ),
    ("Low lung volumes.", {"low located_at lung", "volumes modify lung"}),
    ("Lung volumes are low.", {"low located_at lung", "volumes modify lung"}),
    ("The heart is mildly enlarged.", {"enlarged located_at heart", "mildly modify enlarged"}),
    (
        "Mildly enlarged heart without edema.",
        {"enlarged located_at heart", "mildly modify enlarged"},
    ),
    ("Enlarged cardiac silhouette.", {"enlarged located_at cardiac", "silhouette modify cardiac"}),
    (
        "Heart size and mediastinal contour are within normal limits.",
        {
            "contour modify mediastinal",
            "normal located_at heart",
            "normal located_at mediastinal",
            "size modify heart",
        },
    ),
    (
        "Heart size normal, lungs clear.",
        {"clear located_at lungs", "normal located_at heart", "size modify heart"},
    ),
    (
        "Small left effusion, unchanged.",
        {"effusion located_at left", "small modify effusion", "unchanged modify effusion"},
    ),
    ("No pleural effusion.", {"effusion located_at pleural"}),
    (
        "Bilateral pleural effusions, left greater than right.",
        {
            "bilateral modify pleural",
            "effusions located_at left",
            "effusions located_at pleural",
            "effusions located_at right",
            "greater located_at left",
            "greater modify effusions",
        },
    ),
    ("Biapical scarring.", {"scarring located_at biapical"}),
    ("Bibasilar atelectasis.", {"atelectasis located_at bibasilar"}),
    ("Thoracolumbar dextroscoliosis.", {"dextroscoliosis located_at thoracolumbar"}),
    (
        "Left basilar scarring or atelectasis.",
        {"atelectasis located_at basilar", "left modify basilar", "scarring located_at basilar"},
    ),
    (
        "Scarring or atelectasis in the left base.",
        {"atelectasis located_at base", "left modify base", "scarring located_at base"},
    ),
    (
        "Opacities in the central lung and bases.",
        {"central modify lung", "opacities located_at bases", "opacities located_at lung"},
    ),
    (
        "Old healed fracture of the left 7th rib.",
        {
            "7th modify rib",
            "fracture located_at rib",
            "healed modify fracture",
            "left modify rib",
            "old modify fracture",
        },
    ),
    ("No pleural effusion or consolidation.", {"effusion located_at pleural"}),
    ("The effusion is small.", {"small modify effusion"}),
    (
        "Prominent pulmonary vasculature.",
        {"prominent located_at vasculature", "pulmonary modify vasculature"},
    ),
    ("Cardiomegaly with edema.", set()),
    ("Nodular density.", {"nodular modify density"}),
    ("PICC with tip in the SVC.", {"tip located_at svc", "tip modify picc"}),
    (
        "Airspace disease in the right base.",
        {"disease located_at airspace", "disease located_at base", "right modify base"},
    ),
    (
        "Left lower lobe volume loss.",
        {"left modify lobe", "loss located_at lobe", "loss located_at volume", "lower modify lobe"},
    ),
    ("The heart is normal in size.", {"normal located_at heart", "size modify heart"}),
    (
        "ET tube tip is 4 cm above the carina.",
        {"4 cm modify tip", "above modify carina", "tip located_at carina", "tip modify et tube"},
    ),
    ("No change in the small effusion.", {"change modify effusion", "small modify effusion"}),
    (
        "Small effusion, no interval change.",
        {"change modify effusion", "interval modify change", "small modify effusion"},
    ),
    (
        "Bibasilar atelectasis, right greater than left.",
        {
            "atelectasis located_at bibasilar",
            "greater modify atelectasis",
            "left modify bibasilar",
            "right modify bibasilar",
        },
    ),
    (
        "Mildly enlarged heart, well expanded lungs.",
        {
            "enlarged located_at heart",
            "expanded located_at lungs",
            "mildly modify enlarged",
            "well modify expanded",
        },
    ),
    ("Opacities at the bases of the lungs.", {"bases modify lungs", "opacities located_at bases"}),
    ("Lungs are clear bilaterally.", {"bilaterally modify lungs", "clear located_at lungs"}),
    (
        "Obscured right heart border.",
        {"border modify heart", "obscured located_at border", "right modify border"},
    ),
    ("No consolidation to suggest pneumonia.", {"consolidation suggestive_of pneumonia"}),
    (
        "There is a 12 mm nodule in the lingula.",
        {"12 mm modify nodule", "nodule located_at lingula"},
    ),
    ("Heart: Enlarged.", {"enlarged located_at heart"}),
]


@pytest.mark.parametrize(("sentence", "expected"), RELATIONS)
def test_relations(sentence, expected):
    assert spoken(sentence) == expected


NAMED = [
    ("Opacity in the left lower lobe.", ("opacity", "located_at", "lower lobe")),
    (
        "Degenerative changes of the thoracic spine.",
        ("degenerative", "located_at", "thoracic vertebrae"),
    ),
    ("Low lung volumes.", ("hypoinflation", "located_at", "lung")),
    ("Lung volumes are low.", ("hypoinflation", "located_at", "lung")),
    ("The heart is mildly enlarged.", ("cardiomegaly", "located_at", "heart")),
    ("Bibasilar atelectasis.", ("atelectasis", "located_at", "base")),
    ("Prominent pulmonary vasculature.", ("congestion", "located_at", "pulmonary vasculature")),
    ("PICC in the SVC.", ("catheter", "located_at", "superior vena cava")),
]


@pytest.mark.parametrize(("sentence", "triplet"), NAMED)
def test_relations_by_the_concepts_that_words_name(sentence, triplet):
    assert triplet in triplets(sentence)


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
