import pytest

from radkg.page.markup import escape, format_cell, format_percent, is_number
from tests.page.reading import read_html


@pytest.mark.parametrize(
    "text",
    [
        "<script>x</script>",
        "a & b &amp; c",
        "\"'`",
        "]]> --> <!--",
        "</textarea></title>",
        "\u05d0b",
    ],
)
def test_escaped_text_reads_back_as_it_was(text: str) -> None:
    root = read_html(f'<p title="{escape(text)}">{escape(text)}</p>')
    (paragraph,) = root.children
    assert paragraph.text == text
    assert paragraph.attributes == {"title": text}
    assert not paragraph.children


@pytest.mark.parametrize(
    "code", [0x00, 0x07, 0x0B, 0x1F, 0x7F, 0x85, 0x202E, 0x2066, 0xD800, 0xFFFF]
)
def test_what_html_cannot_show_becomes_the_replacement_character(code: int) -> None:
    assert escape(f"a{chr(code)}b") == "a\ufffdb"
    escape(chr(code)).encode()


def test_line_ends_become_one_kind() -> None:
    assert escape("a\r\nb\rc\nd\te") == "a\nb\nc\nd\te"


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        (None, "&ndash;"),
        (float("nan"), "&ndash;"),
        (1234567, "1,234,567"),
        (0.123456, "0.1235"),
        (123456.7, "123,457"),
        (True, "True"),
        ("<b>", "&lt;b&gt;"),
    ],
)
def test_show(cell: str | int | float | None, shown: str) -> None:
    assert format_cell(cell) == shown


def test_numbers_are_finite_and_no_truth_values() -> None:
    assert [is_number(c) for c in (1, 1.5, True, None, "1", float("inf"), float("nan"))] == [
        True,
        True,
        False,
        False,
        False,
        False,
        False,
    ]


def test_percent_has_three_digits() -> None:
    assert [format_percent(s) for s in (0.0, 0.00042, 0.1234, 1.0)] == [
        "0&nbsp;%",
        "0.042&nbsp;%",
        "12.3&nbsp;%",
        "100&nbsp;%",
    ]
