"""The review page in a real browser: keys judge, the button saves the CSV that can be scored."""

import csv
import io
import json
import re
from html import escape

import pytest

from radkg.review import make_sheet
from radkg.review.cells import write_cells
from radkg.review.sheet import read_csv
from radkg.schema.cells import read_cell
from tests.schema.test_cells import HOSTILE

pytestmark = pytest.mark.browser

# What a reader does: judge with keys, go on, comment; then save, the CSV shown in the page.
READER = """
const press = (key) => document.activeElement.dispatchEvent(
  new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
document.querySelector("fieldset input").focus();
press("a"); press("r"); press("n"); press("u"); press("p"); press("p"); press("a");
const field = document.querySelectorAll("fieldset")[0].querySelector("input[type=text]");
field.value = '=two, "quoted"'; field.focus(); press("r");
const cases = JSON.parse(document.body.dataset.cases || "[]");
document.querySelectorAll("fieldset").forEach((row, at) => {
  const cells = JSON.parse(row.dataset.row);
  if (at < cases.length) { cells[1] = cases[at]; row.dataset.row = JSON.stringify(cells); }
});
const marked = [...document.querySelectorAll("mark.on")].map((mark) => mark.textContent);
const real = URL.createObjectURL;
URL.createObjectURL = (blob) => {
  blob.text().then((text) => {
    const out = document.createElement("pre");
    out.id = "saved";
    out.textContent = JSON.stringify({ text, marked });
    document.body.append(out);
  });
  return real(blob);
};
document.getElementById("save").click();
"""


def rewrite(text):
    """Return a saved sheet as radkg would have written its rows."""
    saved = csv.reader(io.StringIO(text, newline=""))
    columns, *rows = [[read_cell(cell) for cell in row] for row in saved]
    return write_cells(columns, rows)


@pytest.fixture
def html(published, tmp_path):
    make_sheet(str(published), tmp_path / "s.html", num_studies=6)
    return (tmp_path / "s.html").read_text()


def test_keys_judge_and_the_saved_csv_can_be_scored(browse, html):
    unguarded = re.sub(r"<meta http-equiv[^>]*>", "", html)
    cases = f'<body data-cases="{escape(json.dumps(HOSTILE))}" '
    page = unguarded.replace("<body ", cases).replace(
        "</body>", f"<script>{READER}</script></body>"
    )
    seen = browse(page)
    assert seen.console == []
    (saved,) = [p for p in seen.root.all("pre") if p.attributes.get("id") == "saved"]
    result = json.loads(saved.text)
    rows = read_csv(result["text"].removeprefix("\ufeff"), "saved.csv")
    fields = seen.root.all("fieldset")
    assert len(rows) == len(fields)
    # a, r, (n: third left open), u on the fourth, back twice to the third: a
    assert [row.verdict for row in rows[:5]] == ["accept", "reject", "accept", "unsure", None]
    assert '\'=two, ""quoted""' in result["text"]
    assert [row.key[1] for row in rows[: len(HOSTILE)]] == HOSTILE[: len(rows)]
    text = result["text"].removeprefix("\ufeff")
    assert rewrite(text) == text  # the page escapes as radkg does
    assert len(result["marked"]) == 2
    count = next(s for s in seen.root.all("span") if s.attributes.get("id") == "count")
    assert count.text == f"4 of {len(rows)} judged"
    assert [f.attributes.get("data-verdict") for f in fields[:2]] == ["accept", "reject"]


def test_nothing_hostile_runs_and_nothing_is_judged_at_first(browse, html):
    seen = browse(html)
    assert seen.title == "Review: s"
    assert seen.console == []
    assert not seen.root.all("img")
    count = next(s for s in seen.root.all("span") if s.attributes.get("id") == "count")
    assert count.text.startswith("0 of ")


def test_the_policy_refuses_a_script_past_the_escaping(browse, html):
    evil = "<script>document.title='run'</script>"
    seen = browse(html.replace("<main", f"{evil}<main", 1))
    assert seen.title == "Review: s"
    assert any("Content Security Policy" in line for line in seen.console)
