"""No cell of a CSV is computed by a spreadsheet, and each can be read back."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radkg.review.cells import read_cells, write_cells
from radkg.schema.cells import escape_cell, escape_row, read_cell

SIGNS = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"
HOSTILE = [
    *(f"{sign}cmd|' /C calc'!A0" for sign in SIGNS),
    *("a;=1+1", "a\t@x", "a\r\n+x", ";;=x", "\t=x", "'=x", "''=x", "- mild edema", "-2+3"),
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_formula_gets_an_apostrophe(text: str):
    cell = escape_cell(text)
    assert not cell.startswith(tuple(SIGNS))
    # a spreadsheet of another country takes the semicolon for the end of a cell
    assert not any(piece.startswith(("=", "+", "@")) for piece in cell.split(";"))
    assert read_cell(cell) == text


@pytest.mark.parametrize("text", ["effusion", "-0.5", "-3", "-1.5e-07", "'s", "a - b", "", "1+1"])
def test_words_and_numbers_stay_as_they_are(text: str):
    assert escape_cell(text) == read_cell(text) == text


def test_a_number_of_a_row_is_no_text():
    assert escape_row(["=x", -1.5, None, "+1"]) == ["'=x", -1.5, None, "'+1"]


@given(st.text(alphabet="'=-+@\t\r\n;,a1.\uff1d", max_size=8))
def test_every_text_reads_back(text: str):
    assert read_cell(escape_cell(text)) == text


def test_a_sheet_gives_back_hostile_ids():
    text = write_cells(["id", "more"], [[each, each] for each in HOSTILE])
    assert not any(
        cell.startswith(tuple(SIGNS)) for row in csv.reader(io.StringIO(text)) for cell in row
    )
    read = read_cells(text, "f.csv", ["id"], lambda cells: (cells["id"], cells["more"]))
    assert [row for _, row in read] == [(each, each) for each in HOSTILE]
