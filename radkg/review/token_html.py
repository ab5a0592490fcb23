"""The page of visual tokens as one HTML file: the cells of a label, and a sheet of cases to judge.

The page loads, sends and stores nothing, as review/html.py says.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from radkg.page.markup import escape
from radkg.review.sheet import TOKENS
from radkg.review.template import fill_template, write_choices
from radkg.schema.answer import Cell

NOTICE = "For research, not for diagnosis."
_QUESTION = (
    "The eye chose the marked cell of each image for a finding that was filed for the study. Does "
    "the marked cell show the finding?"
)
_WORDS = {"accept": "shows the finding", "reject": "does not", "unsure": "unsure"}


@dataclass(frozen=True)
class ShownToken:
    """A visual token without its vector."""

    number: int
    """its row in the bank, from 1"""
    study_id: str
    image_id: str
    label: str
    box: tuple[float, ...]
    """left, top, right, bottom as shares of the image's sides"""
    activation: float


def write_token_html(
    name: str,
    label: str,
    about: Mapping[str, Cell],
    knowledge_id: str,
    gallery: Sequence[tuple[bytes, Sequence[ShownToken]]],
    cases: Sequence[tuple[bytes, ShownToken]],
) -> str:
    """Return the page, to be written as UTF-8.

    Args:
        name: name of the page, from which the filled CSV takes its name.
        label: whose tokens are shown.
        about: facts for the head of the page, by name.
        knowledge_id: of the knowledge graph, for the rows of the sheet.
        gallery: JPEG images with the tokens of the label that they show.
        cases: JPEG images with the token to judge.
    """
    figures = "\n".join(_write_figure(image, tokens) for image, tokens in gallery)
    before = f"""<section aria-labelledby="tokens">
<h2 id="tokens">Visual tokens of {escape(label)}</h2>
<p class="note">{NOTICE} A frame is a cell that became a token, with its activation in [0, 1].</p>
<div class="tokens">
{figures}
</div>
</section>
<section aria-labelledby="cases">
<h2 id="cases">{len(cases)} cases of all labels, to be judged</h2>
<p class="note">{NOTICE}</p>
</section>"""
    parts = [
        _write_case(f"token-{number}", knowledge_id, image, token)
        for number, (image, token) in enumerate(cases)
    ]
    question = f"{NOTICE} {_QUESTION}"
    return fill_template(
        name, TOKENS.item, TOKENS.columns, about, question, parts, total=len(cases), before=before
    )


def make_token_row(knowledge_id: str, token: ShownToken) -> list[str]:
    """Return the row of TOKEN_COLUMNS of a token, with empty verdict and comment."""
    box = " ".join(f"{share:.4f}" for share in token.box)
    return [
        *(knowledge_id, token.study_id, str(token.number), token.image_id, token.label),
        *(box, f"{token.activation:.4f}", "", ""),
    ]


def _write_figure(image: bytes, tokens: Sequence[ShownToken]) -> str:
    first = tokens[0]
    said = ", ".join(f"{token.activation:.2f}" for token in tokens)
    return f"""<figure>
{_write_frame(image, tokens)}
<figcaption>{escape(first.study_id)}<br>{escape(first.image_id)}<br>activation {said}</figcaption>
</figure>"""


def _write_case(identity: str, knowledge_id: str, image: bytes, token: ShownToken) -> str:
    row = escape(json.dumps(make_token_row(knowledge_id, token)))
    return f"""<article class="study case">
{_write_frame(image, [token])}
<fieldset id="{identity}" data-row="{row}">
<legend>{escape(token.label)}</legend>
<p class="evidence">Does the marked cell show: {escape(token.label)}?</p>
{write_choices(identity, f"{token.study_id} {token.image_id}", _WORDS)}
</fieldset>
</article>"""


def _write_frame(image: bytes, tokens: Sequence[ShownToken]) -> str:
    data = base64.b64encode(image).decode("ascii")
    cells = "".join(_write_box(token) for token in tokens)
    name = escape(f"{tokens[0].image_id}, {len(tokens)} marked")
    return (
        f'<div class="frame"><img src="data:image/jpeg;base64,{data}" alt="Chest X-ray {name}">'
        f"{cells}</div>"
    )


def _write_box(token: ShownToken) -> str:
    left, top, right, bottom = (100 * share for share in token.box)
    return (
        f'<i class="cell" style="left:{left:.2f}%;top:{top:.2f}%;'
        f'width:{right - left:.2f}%;height:{bottom - top:.2f}%"></i>'
    )
