"""The order of the questions: every named query once, spoken in plain words."""

import pytest

from radkg.graph.ask.correction import COLUMNS
from radkg.graph.ask.queries import list_queries
from radkg.page.answer import write_closed_question
from radkg.page.order import ORDER, Spoken, group_answers
from radkg.page.words import name_column
from radkg.schema.answer import Answer
from tests.page.invented import answer_to
from tests.page.reading import read_html

SPOKEN = [question for group in ORDER for question in group.questions]


def test_the_order_lists_every_named_query_once():
    assert sorted(question.name for question in SPOKEN) == [query.name for query in list_queries()]
    assert len({group.identity for group in ORDER}) == len(ORDER)


@pytest.mark.parametrize("query", list_queries(), ids=lambda query: query.name)
def test_a_heading_speaks_the_values_of_its_own_parameters(query):
    (spoken,) = [each for each in SPOKEN if each.name == query.name]
    names = {p.name for p in query.parameters if p.name not in ("ignore", "limit")}
    assert set(spoken.spoken_parameters) <= names
    concepts = {p.name for p in query.parameters if p.type == "concept" and p.default != "none"}
    assert concepts <= set(spoken.spoken_parameters)
    assert spoken.measure in ("", *query.columns)
    heading = spoken.say_heading(dict.fromkeys(names, "effusion"))
    assert heading.endswith("?")
    assert len(heading) < 70


@pytest.mark.parametrize("query", list_queries(), ids=lambda query: query.name)
def test_every_column_has_a_plain_word(query):
    for column in (*query.columns, *COLUMNS):
        assert name_column(column).replace(" ", "").replace("%", "").replace("95", "").isalpha()
        assert "_" not in name_column(column)
    names = [name_column(column) for column in query.columns]
    assert len(names) == len(set(names))


def test_answers_stand_in_the_order_and_others_last():
    queries = {query.name: answer_to(query) for query in list_queries()}
    other = Answer("mine", "What of {this}?", {}, ["n"], [[1]])
    groups = group_answers([other, queries["archives"], queries["prevalence"]])
    assert [(group.identity, [a.name for _, a in asked]) for group, asked in groups] == [
        ("findings", ["prevalence"]),
        ("reading", ["archives"]),
        ("others", ["mine"]),
    ]
    assert groups[-1][1][0][0].say_heading({}) == "What of {this}?"


def test_a_closed_question_says_how_to_ask_it_again():
    (query,) = [each for each in list_queries() if each.name == "cohort_size"]
    spoken = next(each for each in SPOKEN if each.name == "cohort_size")
    root = read_html(write_closed_question(answer_to(query, 1), spoken, "q"))
    assert root.all("h3")[0].text == "How many with effusion are without effusion?"
    assert [code.text for code in root.all("code")] == [
        "radkg query cohort_size --param finding=effusion --param without=effusion"
    ]
    hostile = Answer("cohort_size", "?", {"finding": "<b>'", "without": "x"}, ["n"], [[1]])
    root = read_html(write_closed_question(hostile, spoken, "q"))
    assert root.all("h3")[0].text == "How many with <b>' are without x?"
    assert Spoken("x", "y").empty == "none"
