"""A sheet of drafts as one HTML file: images, and the sentences of each draft with buttons.

The reader sees neither where a sentence is from nor whether the draft was verified: both stand in
the rows that the page saves. The report is folded, so that the image is looked at first.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from radkg.page.markup import escape
from radkg.page.report import write_report
from radkg.review.draft_sheet import DRAFT_COLUMNS, list_sentences
from radkg.review.html import write_figures
from radkg.review.template import fill_template, write_choices
from radkg.schema.answer import Cell
from radkg.schema.drafts import Draft
from radkg.schema.records import Study

_KEYS = {"correct": "c", "wrong": "w", "cannot tell": "t"}


def write_draft_review_html(
    name: str,
    about: Mapping[str, Cell],
    drafts: Sequence[tuple[Study, Draft]],
    rows: Sequence[Sequence[Sequence[str]]],
    images: Mapping[tuple[str, str], bytes],
) -> str:
    """Return the page of a sheet of drafts, to be written as UTF-8.

    Args:
        name: name of the sheet.
        about: facts for the head of the page, by name.
        drafts: the drafts to judge with their studies, in order.
        rows: for each draft its rows, as `draft_sheet.make_draft_rows` gives them.
        images: JPEG bytes by (study_id, image_id).
    """
    return fill_template(
        name,
        "sentence",
        DRAFT_COLUMNS,
        about,
        "Research, not for diagnosis. Is the sentence of the draft correct for this image? Name"
        " also the findings that the draft lacks.",
        [
            _write_draft(study, draft, cells, images, f"study-{i}")
            for i, ((study, draft), cells) in enumerate(zip(drafts, rows, strict=True))
        ],
        total=sum(len(cells) - 1 for cells in rows),
        keys=_KEYS,
    )


def _write_draft(
    study: Study,
    draft: Draft,
    rows: Sequence[Sequence[str]],
    images: Mapping[tuple[str, str], bytes],
    prefix: str,
) -> str:
    *own, lacking = rows
    texts = [text for text, _, _ in list_sentences(draft)]
    sentences = "\n".join(
        _write_sentence(text, number, row, prefix)
        for number, (text, row) in enumerate(zip(texts, own, strict=True), start=1)
    )
    report = write_report(study, (), prefix) or '<p class="note">No report text.</p>'
    return f"""<article class="study" id="{prefix}" aria-labelledby="{prefix}-title">
<h2 id="{prefix}-title">{escape(study.study_id)}</h2>
<div class="halves">
<div class="source">
{write_figures(study, images)}
<details><summary>Report</summary>
<div class="report">
{report}
</div>
</details>
</div>
<div class="judge">
{sentences}
<fieldset id="{prefix}-lacking" data-row="{escape(json.dumps(list(lacking)))}">
<legend>Findings that the draft lacks</legend>
<label class="comment">Findings <input type="text" autocomplete="off"></label>
</fieldset>
</div>
</div>
</article>"""


def _write_sentence(text: str, number: int, row: Sequence[str], prefix: str) -> str:
    identity = f"{prefix}-sentence-{number}"
    return f"""<fieldset id="{identity}" data-row="{escape(json.dumps(list(row)))}">
<legend>Sentence {number}</legend>
<p class="evidence" dir="auto">{escape(text)}</p>
{write_choices(identity, keys=_KEYS)}
</fieldset>"""
