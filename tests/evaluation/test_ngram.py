import pytest

from radkg.evaluation.ngram import train_ngram
from tests.rules.reading import study

TEXTS = [
    ("Small left effusion.", {"effusion"}, {("effusion", "located_at", "pleura")}),
    ("The heart is enlarged.", {"cardiomegaly"}, set()),
    ("Clear lungs. No effusion.", set(), set()),
]
STUDIES = [study(text) for text, _, _ in TEXTS] * 16
FINDINGS = [frozenset(findings) for _, findings, _ in TEXTS] * 16
TRIPLETS = [frozenset(triplets) for _, _, triplets in TEXTS] * 16


@pytest.fixture(scope="module")
def reader():
    return train_ngram(STUDIES, FINDINGS, TRIPLETS)


def test_it_learns_what_words_say(reader):
    effusion, heart, clear = reader.read_codes(STUDIES[:3])
    assert [name for name, _ in effusion.findings] == ["effusion"]
    assert [triplet for triplet, _ in effusion.triplets] == [("effusion", "located_at", "pleura")]
    assert [name for name, _ in heart.findings] == ["cardiomegaly"]
    assert (clear.findings, clear.triplets) == ((), ())
    assert all(0 < c <= 1 for _, c in (*effusion.findings, *effusion.triplets))


def test_the_same_studies_give_the_same_model(reader):
    again = train_ngram(STUDIES, FINDINGS, TRIPLETS)
    assert (again.model_id, again.threshold) == (reader.model_id, reader.threshold)
    assert again.read_codes(STUDIES) == reader.read_codes(STUDIES)


def test_a_report_of_unknown_words_or_none_has_no_codes(reader):
    for codes in reader.read_codes([study("Unheard of."), study("")]):
        assert codes.triplets == ()


def test_what_cannot_be_learnt_is_refused():
    with pytest.raises(ValueError, match="no code stands in 3 of 2 studies"):
        train_ngram(STUDIES[:2], FINDINGS[:2], TRIPLETS[:2])
    with pytest.raises(ValueError, match="2 studies with the codes of 3"):
        train_ngram(STUDIES[:2], FINDINGS[:3], TRIPLETS[:3])
