"""However the ends of lines are written, a report has the same sentences."""

import itertools

import pytest

from radkg.gold.annotated import read_annotated_reports
from radkg.schema.layout import flatten
from radkg.schema.sentences import find_words, split_sentences

ENDS = (
    *("\r\n", "\r", "\r\r\n", "<br>", "<BR/>\n", "<br />\r\n", "\\n", "\\r\\n", "\\par\r\n"),
    *("\\.br\\", "\\.br\\\r\n", "\\X0D\\\\X0A\\", "\u2028", "&#10;", " \n   ", "\t\r\n\t"),
)


def list_words(text):
    return [
        [word for word, _, _ in find_words(text[start:end])]
        for start, end in split_sentences(text, 0, len(text))
    ]


@pytest.mark.parametrize("end", ENDS)
def test_a_report_has_the_same_sentences(end):
    for report in read_annotated_reports()[::5]:
        text = report.text
        if "____" in text:  # a ruled line may come to stand beside a mark
            continue
        assert list_words(text.replace("\n", end)) == list_words(text)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("[x] Effusion [ ] Nodule", ["[x] Effusion", "[ ] Nodule"]),
        ("Effusion [x] Nodule [ ]", ["Effusion [x]", "Nodule [ ]"]),
        ("Effusion: [ ] yes [x] no", ["Effusion: [ ] yes [x] no"]),
        ("No effusion | Small nodule", ["No effusion", "| Small nodule"]),
        ("Effusion | Yes", ["Effusion | Yes"]),
        ("Heart size     Normal", ["Heart size     Normal"]),
        ("No effusion     Small nodule", ["No effusion", "    Small nodule"]),
        ("* No effusion * Nodule", ["* No effusion", "* Nodule"]),
        ("3 * 4 cm mass", ["3 * 4 cm mass"]),
        ("(see [ ] above)", ["(see [ ] above)"]),
    ],
)
def test_items_of_a_line_become_lines(text, lines):
    assert flatten(text).split("\n") == lines
    assert len(flatten(text)) == len(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[ ] Nodule", ["no", "nodule"]),
        ("Nodule [x]", ["nodule", "yes"]),
        ("Nodule: N", ["nodule", ":", "no"]),
        ("Sex: F", ["sex", ":", "f"]),
        ("Nodule: ( ) yes (x) no", ["nodule", ":", "no"]),
        ("Nodule yes [x] no [ ]", ["nodule", "yes"]),
        ("Nodule?", ["nodule", "possible"]),
        ("Nodule? No", ["nodule", ":", "no"]),
        ("Ø nodule", ["no", "nodule"]),
        ("-ve for nodule", ["negative", "for", "nodule"]),
        ("T1 (-)", ["t1", "(", "-", ")"]),
        ("T1: 10", ["t1", ":", "10"]),
    ],
)
def test_a_sign_is_the_word_that_it_stands_for(text, words):
    found = find_words(text)
    assert [word for word, _, _ in found] == words
    assert all(0 <= start < end <= len(text) for _, start, end in found)
    assert all(before[2] <= after[1] for before, after in itertools.pairwise(found))
