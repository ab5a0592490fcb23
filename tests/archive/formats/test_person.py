from datetime import date

import pytest

from radkg.archive.formats.person import compute_age, parse_age, parse_sex


@pytest.mark.parametrize(
    ("text", "age"),
    [
        *(("54", 54), ("54.9", 54), ("54.", 54), ("0", 0), ("054Y", 54), ("018M", 1), ("006M", 0)),
        *(("103W", 1), ("364D", 0), ("89", 89), ("90", 90), ("104", 90), ("104Y", 90), ("300", 90)),
        *(("", None), ("-1", None), ("1000", None), ("nan", None), ("54Y", None), ("old", None)),
        ("٥٤", None),
    ],
)
def test_an_age_is_full_years_and_above_89_one_group(text, age):
    assert parse_age(text) == age


@pytest.mark.parametrize(
    ("day", "year", "age"),
    [
        (date(2014, 9, 15), "1940", 74),
        (date(2014, 9, 15), "1940.0", 74),
        (date(2014, 9, 15), "2014", 0),
        (date(2014, 9, 15), "1924", 90),
        (date(2014, 9, 15), "1901", 90),
        (date(2014, 9, 15), "2015", None),
        (date(2014, 9, 15), "nan", None),
        (None, "1940", None),
    ],
)
def test_an_age_by_the_year_of_birth(day, year, age):
    assert compute_age(day, year) == age


def test_the_sex_by_word_or_by_code():
    assert [parse_sex(text) for text in ("F", " female ", "M", "Male", "O", "OTHER")] == [
        *("female", "female", "male", "male", "other", "other")
    ]
    assert {parse_sex(text) for text in ("", "nan", "Unknown", "U", "fm")} == {None}
