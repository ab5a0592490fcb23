import csv
import io

import pytest

from radkg.errors import ConfigError
from radkg.experiments.plot import plot
from radkg.experiments.table import Figure, Table, TableRow

ROWS = [
    TableRow("floor", "constant", {"F1": Figure(0.1, 0.05, 0.15, 40), "rate": None}, {}),
    TableRow("retrained", "image", {"F1": Figure(1.0, 0.9, 1.0, 40)}, {"steps": 3}),
]
TABLE = Table("toy", "A toy", "What was done.", ROWS, ("F1", "rate"))


def test_the_csv_has_every_figure_with_its_interval():
    rows = list(csv.DictReader(io.StringIO(TABLE.to_csv())))
    assert rows[0] == {
        "group": "floor",
        "row": "constant",
        "F1": "0.1",
        "F1 low": "0.05",
        "F1 high": "0.15",
        "F1 of": "40",
        "rate": "",
        "rate low": "",
        "rate high": "",
        "rate of": "",
        "steps": "",
    }
    assert rows[1]["steps"] == "3"


def test_the_markdown_is_a_table_and_a_caption():
    assert TABLE.to_markdown().splitlines() == [
        "| | | F1 | rate |",
        "|---|---|---|---|",
        "| floor | constant | .100 (.050 to .150) |  |",
        "| retrained | image | 1.00 (.900 to 1.00) |  |",
        "",
        "What was done.",
    ]


def test_the_table_replaces_what_stood_between_its_marks(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("a\n<!-- experiment:toy -->\nold\n<!-- /experiment:toy -->\nb\n")
    TABLE.write_into(readme)
    TABLE.write_into(readme)
    text = readme.read_text()
    assert "old" not in text
    assert text.count("What was done.") == 1
    assert text.startswith("a\n")
    assert text.endswith("<!-- /experiment:toy -->\nb\n")


@pytest.mark.parametrize("text", ["nothing", "<!-- experiment:toy -->\nno end", None])
def test_a_readme_without_marks_is_left_alone(tmp_path, text):
    readme = tmp_path / "README.md"
    if text is not None:
        readme.write_text(text)
    with pytest.raises(ConfigError, match="README"):
        TABLE.write_into(readme)
    assert text is None or readme.read_text() == text


def test_the_plot_is_an_image_that_grows_with_the_rows(tmp_path):
    from PIL import Image

    plot(TABLE, tmp_path / "short.png")
    plot(Table("toy", "A toy", "", ROWS * 10, ("F1",)), tmp_path / "long.png")
    with Image.open(tmp_path / "short.png") as short, Image.open(tmp_path / "long.png") as long:
        assert long.height > 2 * short.height
