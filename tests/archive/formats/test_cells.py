from decimal import Decimal
from uuid import UUID

import pytest

from radkg.archive.formats.cells import (
    CellError,
    convert_to_text,
    list_file_names,
    name_column,
    read_image_cells,
)

TWO = [("x.png", "PA"), ("y.png", "LL")]


@pytest.mark.parametrize(
    ("images", "views", "pairs"),
    [
        ("x.png", "PA", [("x.png", "PA")]),
        ("x.png", "", [("x.png", None)]),
        ("x.png; y.png", "PA;LL", TWO),
        ("x.png;;y.png", "PA;;LL", TWO),
        ("x.png;;y.png", "PA;LL", TWO),
        ("x.png;y.png;", "PA;LL;", TWO),
        ("x.png|y.png", "PA|LL", TWO),
        ("x.png\ny.png", "PA\nLL", TWO),
        ("x.png,y.png", "PA,LL", TWO),
        ("x.png, y.PNG", "PA, LL", [("x.png", "PA"), ("y.PNG", "LL")]),
        ("['x.png', 'y.png']", "['PA', 'LL']", TWO),
        ('["x.png","y.png"]', '["PA","LL"]', TWO),
        ("['x.png' 'y.png']", "['PA' 'LL']", TWO),  # as numpy prints an array
        ("['x.png'\n 'y.png']", "['PA'\n 'LL']", TWO),
        ("[x.png, y.png]", "[PA, LL]", TWO),
        ("{x.png,y.png}", "{PA,LL}", TWO),  # as Postgres writes an array
        ("('x.png', 'y.png')", "PA;LL", None),
        (["x.png", "y.png"], ["PA", "LL"], TWO),
        (["x.png", "y.png"], ["PA", ""], [("x.png", "PA"), ("y.png", None)]),
        ("x.png;y.png", "PA;", [("x.png", "PA"), ("y.png", None)]),
        ("x.png;y.png", ";LL", [("x.png", None), ("y.png", "LL")]),
        ("[]", "", []),
        ("['x.png', None]", "", None),
        ('["x.png", null]', '["PA", null]', [("x.png", "PA")]),
        (r"a\x.png;b\y.png", "PA;LL", [(r"a\x.png", "PA"), (r"b\y.png", "LL")]),
        (r"['a\\x.png']", "", [(r"a\x.png", None)]),
        ("fissure, left.png", "", [("fissure, left.png", None)]),  # a name may hold a comma
        ("1.2.840.113", "", [("1.2.840.113", None)]),
        ("x.png;y.png", "PA", None),
        ("x.png;y.png", "PA;;LL", TWO),
        ("x.png;;y.png", "PA;AP;LL", None),  # the one in the middle is of no image
        ("[{'path': 'x.png'}]", "", None),
        ("['x.png', ...]", "", None),
        ("[1, 2]", "", None),
        ([{"path": "x.png"}], "", None),
        ({"path": "x.png"}, "", None),
        ([["x.png"]], "", None),
    ],
)
def test_the_images_of_a_row_are_read_or_refused_with_a_reason(images, views, pairs):
    if pairs is None:
        with pytest.raises(CellError, match=r"images|paths"):
            read_image_cells(images, views)
    else:
        assert read_image_cells(images, views) == (pairs, [])


def test_without_images_the_positions_are_the_studys():
    assert read_image_cells("", "PA; LL") == ([], ["PA", "LL"])
    assert read_image_cells([], ["AP"]) == ([], ["AP"])
    assert read_image_cells("", "") == ([], [])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((None, ""), (float("nan"), ""), ("a", "a"), (7, "7"), (True, "True")),
        *((54.0, "54"), (54.5, "54.5"), (-0.0, "0"), (2.0**53, str(2**53))),
        *((Decimal("123"), "123"), (Decimal("54.00"), "54"), (Decimal("0.50"), "0.5")),
        *((Decimal("1E+3"), "1000"), (Decimal("100"), "100"), (Decimal("0.0"), "0")),
        (UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        ([Decimal("1.0"), None], ["1", ""]),
        (2.0**54, 2.0**54),  # no text: two ids can have become one
    ],
)
def test_values_as_text(value, text):
    assert convert_to_text(value) == text


def test_one_name_for_a_column_however_it_is_written():
    for written in ("study_id", "Study_ID", "STUDY ID", " study-id ", "\ufeff'study_id'"):
        assert name_column(written) == "study_id"
    assert name_column("studyid") != "study_id"


def test_names_of_files_that_an_image_may_have():
    assert list_file_names("a/x.png") == ("a/x.png",)
    assert list_file_names(r"a\x.png") == (r"a\x.png", "a/x.png")
    assert "a/x.dcm" in list_file_names(r"a\x")
    assert list_file_names("1.2.840")[:2] == ("1.2.840", "1.2.840.jpg")
