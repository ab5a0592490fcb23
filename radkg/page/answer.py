"""Write the answer of one population query: question, parameters, chart and complete table.

A question of the page is closed: its heading speaks the parameters, a few words beside it answer,
and a click shows the rest. Few questions are open from the beginning.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from radkg.page.brief import is_empty, say_briefly
from radkg.page.chart import MAX_BARS, draw_chart
from radkg.page.markup import escape, format_cell, is_number
from radkg.page.measure import find_number_columns, format_in_column
from radkg.page.order import Spoken
from radkg.page.words import name_column
from radkg.schema.answer import Answer, Cell

OPEN_BARS = 10  # of a chart that is shown before anything is clicked
_NUMBER = ' class="number"'


def write_answer(answer: Answer, identity: str) -> str:
    """Return one `<section>` with `identity` as its id, as the explorer shows one answer.

    Raises:
        ValueError: a row is not as long as the columns.
    """
    _check(answer)
    chart = draw_chart(answer.columns, answer.rows)
    wide = " wide" if not chart and len(answer.columns) > 4 else ""
    return f"""<section class="answer{wide}" aria-labelledby="{identity}">
<h3 id="{identity}">{escape(answer.question)}</h3>
<p class="facts"><code>{escape(answer.name)}</code>{_parameters(answer.parameters)}</p>
{chart}
{_table(answer, closed=bool(chart))}
</section>"""


def write_open_question(answer: Answer, spoken: Spoken, identity: str) -> str:
    """Return a question of the page with its chart in sight.

    Raises:
        ValueError: a row is not as long as the columns.
    """
    _check(answer)
    heading = escape(spoken.say_heading(answer.parameters))
    chart = draw_chart(answer.columns, answer.rows, spoken.measure, OPEN_BARS)
    return f"""<section class="open" id="{identity}" aria-labelledby="{identity}-title">
<h3 id="{identity}-title">{heading}</h3>
{chart}
<details><summary>Table and definition</summary>
{_definition(answer, spoken)}
{_table(answer, closed=False)}
</details>
</section>"""


def write_closed_question(answer: Answer, spoken: Spoken, identity: str) -> str:
    """Return a question of the page as one line that opens, with the answer in a few words.

    Raises:
        ValueError: a row is not as long as the columns.
    """
    _check(answer)
    heading = escape(spoken.say_heading(answer.parameters))
    empty = is_empty(answer)
    chart = "" if empty else draw_chart(answer.columns, answer.rows, spoken.measure, MAX_BARS)
    return f"""<details class="question" id="{identity}"><summary><h3>{heading}</h3>
<span class="brief{" none" if empty else ""}">{say_briefly(answer, spoken)}</span></summary>
<div class="body">
{_definition(answer, spoken)}
{chart}
{_table(answer, closed=bool(chart))}
</div></details>"""


def _check(answer: Answer) -> None:
    for row in answer.rows:
        if len(row) != len(answer.columns):
            raise ValueError(
                f"query {answer.name}: a row of {len(row)} for {len(answer.columns)} columns"
            )


def _definition(answer: Answer, spoken: Spoken) -> str:
    """Return the exact question, and the command that asks it again."""
    parts = ["radkg query", shlex.quote(answer.name)]
    for name in spoken.spoken_parameters:
        parts += ["--param", shlex.quote(f"{name}={answer.parameters[name]}")]
    command = escape(" ".join(parts))
    return f'<p class="facts">{escape(answer.question)} <code>{command}</code></p>'


def _parameters(parameters: Mapping[str, object]) -> str:
    return "".join(
        f" <span>{escape(name)} = {format_cell(value)}</span>" for name, value in parameters.items()
    )


def _table(answer: Answer, closed: bool) -> str:
    """Return the whole table, folded away where a chart stands for it."""
    count = len(answer.rows)
    if not count:
        return '<p class="note">No rows.</p>'
    numbers = find_number_columns(answer.columns, answer.rows)
    heads = "".join(
        f'<th scope="col"{_NUMBER if i in numbers else ""}>{escape(name_column(column))}</th>'
        for i, column in enumerate(answer.columns)
    )
    rows = "\n".join(f"<tr>{''.join(map(_cell, answer.columns, row))}</tr>" for row in answer.rows)
    table = f"""<div class="scroll" tabindex="0" role="group" aria-label="Table">
<table><thead><tr>{heads}</tr></thead>
<tbody>
{rows}
</tbody></table></div>"""
    if not closed:
        return table
    noun = "row" if count == 1 else "rows"
    return f"<details><summary>Table ({count:,} {noun})</summary>\n{table}</details>"


def _cell(column: str, cell: Cell) -> str:
    return f"<td{_NUMBER if is_number(cell) else ''}>{format_in_column(column, cell)}</td>"
