from datetime import date

import pytest

from radkg.page.chart import MAX_BARS, draw_chart
from tests.page.reading import Element, read_html


def sizes(element: Element) -> dict[str, float]:
    """Return the percentages in the style of a bar."""
    parts = (part.split(":") for part in element.attributes["style"].split(";"))
    return {name: float(value.rstrip("%")) for name, value in parts}


def widths(root: Element) -> list[float]:
    return [sizes(bar)["width"] for bar in root.all("span", "bar")]


def test_bars_are_proportional_and_the_longest_fills_the_track() -> None:
    root = read_html(
        draw_chart(["finding", "studies"], [["a", 400], ["b", 100], ["c", 0], ["d", None]])
    )
    assert widths(root) == [100.0, 25.0, 0.0, 0.0]
    assert [v.text.strip() for v in root.all("span", "value")] == ["400", "100", "0", "\u2013"]


def test_negative_values_run_from_a_common_zero() -> None:
    root = read_html(draw_chart(["finding", "change"], [["a", -10], ["b", 30]]))
    assert [sizes(bar) for bar in root.all("span", "bar")] == [
        {"left": 0.0, "width": 25.0},
        {"left": 25.0, "width": 75.0},
    ]


def test_a_rate_is_drawn_with_its_denominator() -> None:
    rows = [["a", 7, 30, 300, 0.1], ["b", 9, 12, 240, 0.05]]
    root = read_html(draw_chart(["finding", "patients", "studies", "of", "rate"], rows))
    assert widths(root) == [100.0, 50.0]
    assert [v.text for v in root.all("span", "value")] == ["10\xa0% 30 of 300", "5\xa0% 12 of 240"]


def test_a_corrected_rate_is_marked_with_its_interval() -> None:
    columns = ["finding", "studies", "of", "rate", "corrected", "low", "high"]
    rows = [["a", 30, 300, 0.1, 0.08, 0.05, 0.2], ["b", 15, 300, 0.05, None, None, None]]
    root = read_html(draw_chart(columns, rows))
    assert widths(root) == [50.0, 25.0]
    assert [sizes(line) for line in root.all("span", "interval")] == [{"left": 25.0, "width": 75.0}]
    assert [sizes(mark) for mark in root.all("span", "corrected")] == [{"left": 40.0}]
    root = read_html(
        draw_chart(["year", *columns[1:]], [[2010, *rows[0][1:]], [2011, *rows[1][1:]]])
    )
    assert "95\xa0% interval" in root.all("p", "keys")[0].text
    (line,) = root.all("line", "interval")
    assert [line.attributes[name] for name in ("y1", "y2")] == ["75.000%", "0.000%"]
    assert [mark.attributes["cy"] for mark in root.all("circle")] == ["60.000%"]


def test_one_denominator_is_said_once() -> None:
    rows = [["a", 30, 300, 0.1], ["b", 15, 300, 0.05]]
    root = read_html(draw_chart(["finding", "studies", "of", "rate"], rows))
    assert [v.text for v in root.all("span", "value")] == ["10\xa0% 30", "5\xa0% 15"]
    assert root.all("p", "note")[0].text == "Bars: share and number out of 300."


def test_ranges_and_what_differs_name_the_rows() -> None:
    columns = ["archive", "age_from", "age_to", "studies"]
    root = read_html(draw_chart(columns[1:], [[20, 29, 3], [None, None, 1]]))
    assert [n.text for n in root.all("span", "name")] == ["20\u201329", "unknown"]
    root = read_html(draw_chart(["archive", "site", "n"], [["x", "a", 3], ["x", "b", 1]]))
    assert [n.text for n in root.all("span", "name")] == ["a", "b"]


def test_a_wanted_measure_is_drawn_and_fewer_bars() -> None:
    columns = ["finding", "studies", "of", "rate", "lift"]
    rows = [["a", 1, 10, 0.1, 4.0], ["b", 2, 10, 0.2, 1.0], ["c", 3, 10, 0.3, 0.5]]
    root = read_html(draw_chart(columns, rows, "lift", 2))
    assert widths(root) == [100.0, 25.0]
    assert "The first 2 of 3 rows" in root.text


def test_a_quotient_is_a_rate_whatever_its_name() -> None:
    root = read_html(
        draw_chart(["finding", "n", "of", "x"], [["a", 1, 3, 0.33], ["b", 3, 4, 0.75]])
    )
    assert [v.text for v in root.all("span", "value")] == ["33\xa0% 1 of 3", "75\xa0% 3 of 4"]


def test_a_rate_without_counts_stands_alone_and_a_ratio_is_no_rate() -> None:
    root = read_html(draw_chart(["finding", "share"], [["a", 0.5]]))
    assert root.all("span", "value")[0].text.strip() == "50\xa0%"
    root = read_html(draw_chart(["finding", "lift"], [["a", 0.5], ["b", 2.0]]))
    assert [v.text.strip() for v in root.all("span", "value")] == ["0.5", "2"]


def test_polarities_are_stacked_to_one_scale() -> None:
    rows = [["a", 10, 20, 70], ["b", 5, 0, 5]]
    root = read_html(draw_chart(["finding", "present", "uncertain", "absent"], rows))
    bars = root.all("span", "bar")
    assert [sizes(bar)["width"] for bar in bars] == [10.0, 20.0, 70.0, 5.0, 0.0, 5.0]
    assert [sizes(bar)["left"] for bar in bars[:3]] == [0.0, 10.0, 30.0]
    assert [bar.attributes["class"] for bar in bars[:3]] == [
        "bar obs-dp",
        "bar obs-u",
        "bar obs-da",
    ]
    assert [v.text for v in root.all("span", "value")] == ["10 / 20 / 70", "5 / 0 / 5"]


@pytest.mark.parametrize(
    ("name", "times"),
    [
        ("year", [2010, 2011, 2013]),
        ("month", ["2010-01", "2010-02", "2010-04"]),
        ("study_date", [date(2010, 1, 1), date(2010, 1, 2), date(2010, 1, 4)]),
    ],
)
def test_columns_stand_at_their_time_and_a_missing_period_is_a_gap(
    name: str, times: list[int | str | date]
) -> None:
    rows = [[time, n] for time, n in zip(times, (10, 20, 5), strict=True)]
    root = read_html(draw_chart([name, "studies"], rows))
    columns = root.all("rect")
    assert [float(c.attributes["height"].rstrip("%")) for c in columns] == [50.0, 100.0, 25.0]
    left = [float(c.attributes["x"].rstrip("%")) for c in columns]
    assert (left[2] - left[1]) / (left[1] - left[0]) == pytest.approx(2, abs=0.01)
    assert columns[2].text == f"{times[2]}: 5"


def test_one_chart_for_each_series_to_one_scale() -> None:
    rows = [[2010, "a", 10], [2010, "b", 1], [2011, "a", 5], [2011, "b", 2]]
    root = read_html(draw_chart(["year", "finding", "studies"], rows))
    assert [c.text for c in root.all("figcaption")] == ["a", "b"]
    heights = [float(c.attributes["height"].rstrip("%")) for c in root.all("rect")]
    assert heights == [100.0, 50.0, 10.0, 20.0]


def test_dated_things_are_no_development() -> None:
    rows = [[date(2010, 1, day), f"e{day}", 0.5] for day in range(1, 9)]
    assert draw_chart(["date", "event", "confidence"], rows) == ""


def test_a_list_of_single_things_gets_no_chart() -> None:
    assert draw_chart(["study_id", "mentions"], [["s1", 3], ["s2", 1]]) == ""
    assert (
        draw_chart(["text", "label", "concept", "section", "start"], [["a", "b", "c", "d", 3]])
        == ""
    )


def test_dates_beside_a_name_are_not_part_of_it() -> None:
    html = draw_chart(
        ["archive", "studies", "last_date"], [["a", 3, date(2010, 1, 1)], ["b", 1, None]]
    )
    assert [n.text for n in read_html(html).all("span", "name")] == ["a", "b"]


def test_one_row_of_numbers_is_shown_as_figures() -> None:
    root = read_html(draw_chart(["studies", "share"], [[1200, 0.25]]))
    assert [d.text for d in root.all("dd")] == ["1,200", "25\xa0%"]


@pytest.mark.parametrize(
    ("columns", "rows"),
    [
        (["finding", "studies"], []),
        (["subject_id", "location"], [["p1", "left"]]),
        (["subject_id"], [[17]]),
        (["finding", "flag"], [["a", True]]),
        (["finding", "studies"], [["a", None]]),
        ([], []),
        (["bucket"], [[1], [2]]),
    ],
)
def test_no_number_no_chart(columns: list[str], rows: list[list[str | int | None]]) -> None:
    assert draw_chart(columns, rows) == ""


def test_only_the_first_rows_are_drawn_and_it_says_so() -> None:
    root = read_html(draw_chart(["finding", "studies"], [[f"f{i}", i] for i in range(1000)]))
    assert len(root.all("span", "bar")) == MAX_BARS
    assert f"The first {MAX_BARS} of 1,000 rows" in root.text


def test_names_of_rows_and_columns_are_escaped() -> None:
    html = draw_chart(['<i a="', "<b>"], [["<script>", 1], ["&amp;", 2]])
    root = read_html(html)
    assert not root.all("script")
    assert not root.all("b")
    assert [n.text for n in root.all("span", "name")] == ["<script>", "&amp;"]
