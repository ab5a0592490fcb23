"""What stands beside a closed question."""

import pytest

from radkg.page.brief import say_briefly
from radkg.page.order import Spoken
from radkg.schema.answer import Answer
from tests.page.reading import read_html

RATES = ["studies", "of", "rate"]


def say(columns: list[str], rows: list[list[object]], **spoken: str) -> str:
    answer = Answer("q", "?", {"limit": 3}, columns, rows)  # type: ignore[arg-type]
    text = read_html(f"<p>{say_briefly(answer, Spoken('q', '?', **spoken))}</p>").text  # type: ignore[arg-type]
    return text.replace("\xa0", " ")


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("most", "b 50 %, c 20 %"),
        ("first", "a 10 %, b 50 %"),
        ("last", "b 50 %, c 20 %"),
        ("groups", "a 10 %, c 20 %"),
        ("spread", "a 10 % to b 50 %"),
    ],
)
def test_rows_are_chosen_by_the_form(form: str, said: str) -> None:
    rows = [["a", 10, 100, 0.1], ["b", 1, 2, 0.5], ["c", 10, 50, 0.2]]
    assert say(["view", *RATES], rows, form=form) == said


@pytest.mark.parametrize(
    ("columns", "rows", "said"),
    [
        (["finding", *RATES], [], "none at all"),
        (["patients", "of", "rate"], [[0, 0, None]], "none at all"),
        (["sex", *RATES], [["F", 0, 9, 0.0], ["M", 0, 8, 0.0]], "none at all"),
        (["patients", "studies", "of", "rate"], [[7, 8, 10, 0.8]], "80 %, 8 of 10"),
        (["study_id", "label"], [["s1", "a"], ["s1", "b"]], "1 study"),
        (["subject_id"], [["p1"], ["p2"], ["p3"]], "3 patients or more"),
        (["head", "relation", "tail"], [["a", "modify", "b"]], "1 relation"),
        (["archive", "status", *RATES], [["x", "ok", 9, 10, 0.9], ["x", "empty", 1, 10, 0.1]],
         "read 90 %, nothing found 10 %"),
        (["age_from", "age_to", *RATES], [[20, 29, 1, 10, 0.1], [None, None, 1, 20, 0.05]],
         "20\u201329 10 %, unknown 5 %"),
        (["year", *RATES], [[2011, 1, 10, 0.1], [2012, 1, 20, 0.05]], "2011 10 %, 2012 5 %"),
        (["with_finding", *RATES, "lift"], [["a", 1, 10, 0.1, 19.392]], "a 10 %"),
        (["<b>", "studies"], [["<i>", 3]], "<i> 3 studies"),
    ],
)  # fmt: skip
def test_an_answer_in_a_few_words(columns: list[str], rows: list[list[object]], said: str) -> None:
    assert say(columns, rows, empty="none at all") == said


def test_another_measure_than_the_rate() -> None:
    columns = ["with_finding", *RATES, "lift"]
    rows = [["a", 1, 10, 0.1, 2.0], ["b", 1, 20, 0.05, 19.392]]
    assert say(columns, rows, measure="lift") == "b 19.4 times, a 2 times"
