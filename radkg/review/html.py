"""A review sheet as one HTML file: image, report, triplets with buttons; it works offline.

The page loads, sends and stores nothing: verdicts live in the page until the reader saves them as
the same CSV that a spreadsheet would give. Text of reports passes through page.markup.escape.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence

from radkg.page.markup import escape
from radkg.page.report import write_report
from radkg.page.words import MEANING
from radkg.review.sheet import TRIPLETS, mark_evidence
from radkg.review.template import fill_template, write_choices
from radkg.schema.answer import Cell
from radkg.schema.records import Entity, Extraction, Image, Study

_QUESTION = (
    "Does the report, or the image, say what the triplet says? Accept it, reject it, or mark it "
    "unsure."
)


def write_review_html(
    name: str,
    about: Mapping[str, Cell],
    studies: Sequence[tuple[Study, Extraction]],
    rows: Sequence[Sequence[Sequence[str]]],
    images: Mapping[tuple[str, str], bytes],
) -> str:
    """Return the page, to be written as UTF-8.

    Args:
        name: name of the sheet, from which the filled CSV takes its name.
        about: facts for the head of the page, by name.
        studies: the studies to judge, in order.
        rows: for each study the rows of its triplets, as `sheet.make_rows` gives them.
        images: JPEG bytes by (study_id, image_id).
    """
    parts = [
        _study(study, extraction, cells, images, f"study-{i}")
        for i, ((study, extraction), cells) in enumerate(zip(studies, rows, strict=True))
    ]
    return fill_template(
        name, TRIPLETS.item, TRIPLETS.columns, about, _QUESTION, parts, total=sum(map(len, rows))
    )


def _study(
    study: Study,
    extraction: Extraction,
    rows: Sequence[Sequence[str]],
    images: Mapping[tuple[str, str], bytes],
    prefix: str,
) -> str:
    # marks take no focus, so that the keyboard goes from triplet to triplet
    report = write_report(study, extraction.entities, prefix).replace(' tabindex="0"', "")
    triplets = "\n".join(_triplet(study, extraction, i, row, prefix) for i, row in enumerate(rows))
    return f"""<article class="study" id="{prefix}" aria-labelledby="{prefix}-title">
<h2 id="{prefix}-title">{escape(study.study_id)}</h2>
<div class="halves">
<div class="source">
{write_figures(study, images)}
<div class="report">
{report or '<p class="note">No report text.</p>'}
</div>
</div>
<div class="judge">
{triplets}
</div>
</div>
</article>"""


def write_figures(study: Study, images: Mapping[tuple[str, str], bytes]) -> str:
    """Return the images of a study that are at hand, by (study_id, image_id)."""
    return "".join(
        _figure(image, images[study.study_id, image.image_id])
        for image in study.images
        if (study.study_id, image.image_id) in images
    )


def _figure(image: Image, content: bytes) -> str:
    name = escape(" ".join(filter(None, (image.view_position, image.image_id))))
    data = base64.b64encode(content).decode("ascii")
    return (
        f'<figure><img src="data:image/jpeg;base64,{data}" alt="Chest X-ray {name}">'
        f"<figcaption>{name}</figcaption></figure>\n"
    )


def _triplet(
    study: Study, extraction: Extraction, number: int, row: Sequence[str], prefix: str
) -> str:
    identity = f"{prefix}-triplet-{number}"
    relation = extraction.relations[number]
    head, tail = extraction.entities[relation.head], extraction.entities[relation.tail]
    marks = [(f'<b class="entity {end.label.lower()}">', "</b>") for end in (head, tail)]
    return f"""<fieldset id="{identity}" data-row="{escape(json.dumps(list(row)))}"
 data-head="{prefix}-entity-{relation.head}" data-tail="{prefix}-entity-{relation.tail}">
<legend>{_named(head)} <span class="relation {relation.relation}">{relation.relation}</span>
{_named(tail)}</legend>
<p class="evidence" dir="auto">{mark_evidence(study, head, tail, marks, escape)}</p>
{write_choices(identity, f"confidence {relation.confidence:.2f}")}
</fieldset>"""


def _named(entity: Entity) -> str:
    label = entity.label
    return (
        f'<span class="entity {label.lower()}">{escape(entity.text)}</span>'
        f" <small>{MEANING[label]}</small>"
    )
