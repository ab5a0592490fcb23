"""Write the answer of one population query: question, parameters, chart and complete table."""

from __future__ import annotations

from collections.abc import Mapping

from radkg.page.chart import draw_chart
from radkg.page.markup import escape, format_cell, is_number
from radkg.page.measure import format_in_column
from radkg.schema.answer import Answer, Cell


def write_answer(answer: Answer, identity: str) -> str:
    """Return one `<section>` with `identity` as its id.

    Raises:
        ValueError: a row is not as long as the columns.
    """
    for row in answer.rows:
        if len(row) != len(answer.columns):
            raise ValueError(
                f"query {answer.name}: a row of {len(row)} for {len(answer.columns)} columns"
            )
    chart = draw_chart(answer.columns, answer.rows)
    wide = " wide" if not chart and len(answer.columns) > 4 else ""
    return f"""<section class="answer{wide}" aria-labelledby="{identity}">
<h3 id="{identity}">{escape(answer.question)}</h3>
<p class="facts"><code>{escape(answer.name)}</code>{_parameters(answer.parameters)}</p>
{chart}
{_table(answer, closed=bool(chart))}
</section>"""


def _parameters(parameters: Mapping[str, object]) -> str:
    return "".join(
        f" <span>{escape(name)} = {format_cell(value)}</span>" for name, value in parameters.items()
    )


def _table(answer: Answer, closed: bool) -> str:
    """Return the whole table, folded away where a chart stands for it."""
    count = len(answer.rows)
    if not count:
        return '<p class="note">No rows.</p>'
    heads = "".join(f'<th scope="col">{escape(column)}</th>' for column in answer.columns)
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
    kind = ' class="number"' if is_number(cell) else ""
    return f"<td{kind}>{format_in_column(column, cell)}</td>"
