import pytest

from radkg.rules.floors import list_sentence_concepts
from tests.rules.reading import study


@pytest.mark.parametrize(
    ("report", "named", "before_denial"),
    [
        ("No effusion.", [{"effusion"}], [set()]),
        ("Mild edema without effusion.", [{"mild", "edema", "effusion"}], [{"mild", "edema"}]),
        ("Edema. No mass.", [{"edema"}, {"mass"}], [{"edema"}, set()]),
        (
            "Low lung volumes.",
            [{"low", "lung", "hypoinflation"}],
            [{"low", "lung", "hypoinflation"}],
        ),
    ],
)
def test_the_crude_matcher(report, named, before_denial):
    assert list(list_sentence_concepts(study(report), negation=False)) == named
    assert list(list_sentence_concepts(study(report), negation=True)) == before_denial
