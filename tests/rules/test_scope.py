"""Polarity: which findings a sentence asserts, denies, doubts, or only wonders about."""

import pytest

from tests.rules.reading import observations

DP, DA, U = "OBS-DP", "OBS-DA", "OBS-U"

DENIED = [
    ("Pneumothorax: No", "Pneumothorax"),
    ("Pneumothorax: None.", "Pneumothorax"),
    ("Pleural effusion: absent", "effusion"),
    ("Effusion: Negative", "Effusion"),
    ("Pneumothorax | nil |", "Pneumothorax"),
    ("Fracture: [ ] Yes [x] No", "Fracture"),
    ("(-) Pneumothorax", "Pneumothorax"),
    ("Neg for edema.", "edema"),
    ("Clear lungs w/o effusion.", "effusion"),
    ("The left pneumothorax is gone.", "pneumothorax"),
    ("The infiltrate has disappeared.", "infiltrate"),
    ("Edema resolved.", "Edema"),
    ("The lingular opacity is no longer seen.", "opacity"),
    ("The drain was removed yesterday.", "drain"),
    ("Status post chest tube removal.", "chest tube"),
    ("Status post removal of the PICC.", "PICC"),
    ("No pneumothorax.", "pneumothorax"),
    ("There is no pleural effusion.", "effusion"),
    ("No pneumothorax is seen.", "pneumothorax"),
    ("No evidence of pneumothorax.", "pneumothorax"),
    ("No evidence for edema.", "edema"),
    ("Without evidence of pneumonia.", "pneumonia"),
    ("Negative for pneumothorax.", "pneumothorax"),
    ("Lungs are free of infiltrates.", "infiltrates"),
    ("The lungs are clear of infiltrate.", "infiltrate"),
    ("Absence of pleural effusion.", "effusion"),
    ("Pneumothorax is not seen.", "Pneumothorax"),
    ("An effusion is not identified.", "effusion"),
    ("Pleural effusions are absent.", "effusions"),
    ("The left effusion has resolved.", "effusion"),
    ("The left effusion has since resolved.", "effusion"),
    ("Resolved pneumonia.", "pneumonia"),
    ("Interval resolution of the right basilar opacity.", "opacity"),
    ("There has been clearing of the opacities.", "opacities"),
    ("The previously seen nodule is no longer seen.", "nodule"),
    ("The nodule described before is not visualized.", "nodule"),
    ("The catheter has been removed.", "catheter"),
    ("Interval removal of the drain.", "drain"),
    ("The heart is not enlarged.", "enlarged"),
    ("Pneumothorax has been ruled out.", "Pneumothorax"),
    ("There is no mediastinal widening.", "widening"),
    ("No typical findings of edema.", "edema"),
    ("No findings suspicious for pneumonia.", "pneumonia"),
    ("There is no opacity to suggest a pneumonia.", "pneumonia"),
    ("There are no XXXX of a pleural effusion.", "effusion"),
    ("No definite effusion.", "effusion"),
    ("The lungs show no consolidation.", "consolidation"),
    ("No visible pleural fluid.", "fluid"),
    ("Lungs are clear without effusion.", "effusion"),
]


@pytest.mark.parametrize(("sentence", "words"), DENIED)
def test_one_denied_finding(sentence, words):
    assert (words, DA) in observations(sentence)
    assert (words, DP) not in observations(sentence)


UNCERTAIN = [
    ("Pneumonia is unlikely.", "Pneumonia"),
    ("R/o pneumonia.", "pneumonia"),
    ("?Pneumonia at the left base.", "Pneumonia"),
    ("The opacity is likely scarring.", "scarring"),
    ("Small effusions are likely.", "effusions"),
    ("Edema is presumed.", "Edema"),
    ("The differential includes sarcoidosis, lymphoma, organizing pneumonia.", "pneumonia"),
    ("Scarring rather than atelectasis.", "atelectasis"),
    ("Possible pneumonia.", "pneumonia"),
    ("Possible left lower lobe pneumonia.", "pneumonia"),
    ("Probable atelectasis.", "atelectasis"),
    ("Likely atelectasis.", "atelectasis"),
    ("Questionable nodule in the left apex.", "nodule"),
    ("There is question of a left apical nodule.", "nodule"),
    ("Suspected fracture.", "fracture"),
    ("Small bilateral pleural effusions suspected.", "effusions"),
    ("Pneumonia cannot be excluded.", "Pneumonia"),
    ("Cannot exclude a small effusion.", "effusion"),
    ("Cannot rule out early pneumonia.", "pneumonia"),
    ("A small effusion is not excluded.", "effusion"),
    ("There is no evidence to exclude pneumonia.", "pneumonia"),
    ("Rule out pneumonia.", "pneumonia"),
    ("Opacity suspicious for malignancy.", "malignancy"),
    ("Opacity concerning for pneumonia.", "pneumonia"),
    ("Opacities may represent edema.", "edema"),
    ("This could reflect edema.", "edema"),
    ("Findings are suggestive of edema.", "edema"),
    ("Right basilar opacity, likely atelectasis.", "atelectasis"),
    ("Pneumonia is possible.", "Pneumonia"),
    ("Pneumonia is suspected.", "Pneumonia"),
    ("Unlikely pneumonia.", "pneumonia"),
    ("Atelectasis versus infiltrate.", "Atelectasis"),
    ("Atelectasis versus infiltrate.", "infiltrate"),
    ("Atelectasis or infiltrate in the left base.", "Atelectasis"),
    ("Scarring and/or atelectasis.", "atelectasis"),
    ("Please note that fractures may not be demonstrated.", "fractures"),
    ("Differential includes pneumonia.", "pneumonia"),
    ("Presumed granuloma.", "granuloma"),
]


@pytest.mark.parametrize(("sentence", "words"), UNCERTAIN)
def test_one_uncertain_finding(sentence, words):
    assert (words, U) in observations(sentence)
    assert not {(words, DP), (words, DA)} & observations(sentence)


ASSERTED = [
    ("Effusion: Yes", "Effusion"),
    ("Effusion: Present", "Effusion"),
    ("Fracture: [x] Yes [ ] No", "Fracture"),
    ("(+) Effusion", "Effusion"),
    ("Nearly resolved edema.", "edema"),
    ("The consolidation has not resolved.", "consolidation"),
    ("No evidence that the pneumothorax has resolved.", "pneumothorax"),
    ("No mass, effusion is present.", "effusion"),
    ("Left effusion, none on the right.", "effusion"),
    ("No progression of the opacity.", "opacity"),
    ("Mild cardiomegaly.", "cardiomegaly"),
    ("There is no change in the opacity.", "opacity"),
    ("No interval change in cardiomegaly.", "cardiomegaly"),
    ("There has been no significant interval change in the small effusion.", "effusion"),
    ("Cardiomegaly without change.", "Cardiomegaly"),
    ("No increase in the size of the effusion.", "effusion"),
    ("The opacity has not changed.", "opacity"),
    ("Not without effusion.", "effusion"),
    ("Right middle lobe opacity not seen on prior exam.", "opacity"),
    ("Effusion not previously seen.", "Effusion"),
    ("Nodule consistent with granuloma.", "granuloma"),
    ("The effusion has decreased in size.", "effusion"),
    ("Improving edema.", "edema"),
    ("Residual pneumothorax.", "pneumothorax"),
    ("Nodule is stable and probably benign.", "Nodule"),
    ("Status post sternotomy.", "sternotomy"),
    ("Low lung volumes without consolidation.", "Low"),
    ("The lungs are hyperexpanded but clear.", "hyperexpanded"),
    ("Cardiomegaly with no evidence of edema.", "Cardiomegaly"),
    ("Chest tube without pneumothorax.", "Chest tube"),
    ("No abnormality except for a calcified granuloma.", "granuloma"),
]


@pytest.mark.parametrize(("sentence", "words"), ASSERTED)
def test_one_asserted_finding(sentence, words):
    assert (words, DP) in observations(sentence)
    assert not {(words, U), (words, DA)} & observations(sentence)


LISTS = [
    (
        "No pneumothorax, effusion or consolidation.",
        {("pneumothorax", DA), ("effusion", DA), ("consolidation", DA)},
    ),
    (
        "No focal consolidation, pneumothorax or large pleural effusion.",
        {
            ("focal", DA),
            ("consolidation", DA),
            ("pneumothorax", DA),
            ("large", DA),
            ("effusion", DA),
        },
    ),
    (
        "No pneumonia, effusions, edema, adenopathy, nodules or masses.",
        {
            ("pneumonia", DA),
            ("effusions", DA),
            ("edema", DA),
            ("adenopathy", DA),
            ("nodules", DA),
            ("masses", DA),
        },
    ),
    (
        "Neither effusion nor pneumothorax is present.",
        {("effusion", DA), ("pneumothorax", DA)},
    ),
    ("No effusion but there is consolidation.", {("effusion", DA), ("consolidation", DP)}),
    ("No effusion, stable cardiomegaly.", {("effusion", DA), ("stable", DP), ("cardiomegaly", DP)}),
    ("No edema and the heart is enlarged.", {("edema", DA), ("enlarged", DP)}),
    ("Mild cardiomegaly, no edema.", {("Mild", DP), ("cardiomegaly", DP), ("edema", DA)}),
    (
        "No acute infiltrate, effusion, or edema, and heart size is normal.",
        {("acute", DA), ("infiltrate", DA), ("effusion", DA), ("edema", DA), ("normal", DP)},
    ),
    (
        "No pneumothorax or effusion other than a small left effusion.",
        {("pneumothorax", DA), ("effusion", DA), ("small", DP), ("effusion", DP)},
    ),
    (
        "No evidence of pneumonia, although there is mild atelectasis.",
        {("pneumonia", DA), ("mild", DP), ("atelectasis", DP)},
    ),
    ("Possible infiltrate, no effusion.", {("infiltrate", U), ("effusion", DA)}),
    (
        "Interstitial edema rather than pneumonia.",
        {("edema", DP), ("pneumonia", U)},
    ),
    (
        "There is no pneumothorax; small effusion persists.",
        {("pneumothorax", DA), ("small", DP), ("effusion", DP), ("persists", DP)},
    ),
    ("No new infiltrate.", {("new", DA), ("infiltrate", DA)}),
    ("Cannot exclude a small effusion.", {("small", U), ("effusion", U)}),
    (
        "Opacity may represent atelectasis or pneumonia.",
        {("Opacity", DP), ("atelectasis", U), ("pneumonia", U)},
    ),
    ("No effusion, heart is enlarged.", {("effusion", DA), ("enlarged", DP)}),
]


@pytest.mark.parametrize(("sentence", "expected"), LISTS)
def test_all_observations_of_a_sentence(sentence, expected):
    assert observations(sentence) == expected


NORMAL = [
    ("Heart size is normal.", "normal"),
    ("Lungs are clear.", "clear"),
    ("The mediastinum is within normal limits.", "normal"),
    ("The bones are unremarkable.", "unremarkable"),
    ("Bony structures are intact.", "intact"),
    ("The trachea is midline.", "midline"),
    ("No effusion and the heart is normal.", "normal"),
    ("Heart size is at the upper limits of normal.", "normal"),
]


@pytest.mark.parametrize(("sentence", "words"), NORMAL)
def test_normality_is_asserted(sentence, words):
    assert (words, DP) in observations(sentence)


def test_denied_normality_is_absent():
    assert observations("The heart is not normal.") == {("normal", DA)}


@pytest.mark.parametrize(
    "sentence",
    [
        "History of pneumonia.",
        "Evaluate for pneumothorax.",
        "CT is more sensitive in detecting small nodules.",
        "If there is concern for pneumonia, obtain CT.",
        "Correlate clinically for pneumonia.",
        "PA and lateral views of the chest were obtained.",
        "Comparison chest x-XXXX from the prior day.",
    ],
)
def test_nothing_is_observed(sentence):
    assert observations(sentence) == set()
