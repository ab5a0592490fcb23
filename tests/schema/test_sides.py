"""The side that a single word says beside its site."""

import pytest

from radkg.schema.sides import read_side


@pytest.mark.parametrize(
    ("text", "side"),
    [
        ("RLL", "right"),
        ("lul", "left"),
        ("RML", "right"),
        ("LMZ", "left"),
        ("RUQ", "right"),
        ("bibasilar", "bilateral"),
        ("Biapical", "bilateral"),
        ("dextroscoliosis", "right"),
        ("Levocurvature", "left"),
        ("left", None),
        ("R", None),
        ("lung", None),
        ("rib", None),
        ("dextrocardia", None),
        ("biopsy", None),
        ("", None),
    ],
)
def test_only_a_word_that_names_a_site_too_implies_a_side(text, side):
    assert read_side(text) == side
