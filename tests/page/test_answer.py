import pytest

from radkg.page.answer import write_answer
from radkg.schema.answer import Answer
from tests.page.reading import read_html


def test_question_parameters_and_the_complete_table() -> None:
    rows = [[f"f{i}", i] for i in range(300)]
    answer = Answer("top", "Which <findings>?", {"min": 3, "with": '"x"'}, ["finding", "n"], rows)
    root = read_html(write_answer(answer, "q"))
    assert root.all("h3")[0].text == "Which <findings>?"
    assert 'top min = 3 with = "x"' in root.text
    (details,) = root.all("details")
    cells = [[td.text for td in tr.all("td")] for tr in details.all("tr")[1:]]
    assert cells == [[f"f{i}", str(i)] for i in range(300)]


def test_without_a_chart_the_table_is_open() -> None:
    root = read_html(write_answer(Answer("a", "b", {}, ["subject_id"], [["p"]]), "q"))
    assert not root.all("details")
    assert len(root.all("table")) == 1


def test_years_have_no_thousands_separator() -> None:
    rows = [[2010, 1500], [2011, 3]]
    root = read_html(write_answer(Answer("a", "b", {}, ["year", "studies"], rows), "q"))
    assert [td.text for td in root.all("td")] == ["2010", "1,500", "2011", "3"]


def test_empty_results_say_so() -> None:
    root = read_html(write_answer(Answer("a", "b", {}, ["finding", "n"], []), "q"))
    assert "No rows." in root.text
    assert not root.all("table")


def test_a_row_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match=r"query a: a row of 1 for 2 columns"):
        write_answer(Answer("a", "b", {}, ["finding", "n"], [["x"]]), "q")
