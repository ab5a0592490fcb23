"""Write one study: its images, its report with marked entities, its triplets and its entities.

The arcs are not drawn here: page.js reads the rows of the triplets and lays them over the report.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

from radkg.page.markup import escape
from radkg.page.report import make_entity_id, open_mark, write_report
from radkg.page.words import MEANING, RELATION_WORDS
from radkg.schema.records import Entity, Extraction, Image, Relation, Study, check_extraction

_IMAGE_TYPES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}


def write_study(
    study: Study, extraction: Extraction, images: Mapping[tuple[str, str], bytes], prefix: str
) -> str:
    """Return one `<article>`; `prefix` is its id and begins the ids of its entities.

    Args:
        study: the study with its report.
        extraction: the extraction of this study.
        images: JPEG or PNG bytes by (study_id, image_id); images of other studies are ignored.
        prefix: unique in the page, letters, digits and hyphens.

    Raises:
        ValueError: the extraction is of another study, or an image is neither JPEG nor PNG.
        SchemaError: the extraction is not valid or not grounded in the report.
    """
    if study.study_id != extraction.study_id:
        raise ValueError(f"study {study.study_id} with extraction of {extraction.study_id}")
    check_extraction(extraction, study.report)
    return f"""<article class="study" id="{prefix}" aria-labelledby="{prefix}-title">
<header>
<h3 id="{prefix}-title">{escape(study.study_id)}</h3>
<p class="facts">{_facts(study, extraction)}</p>
</header>
{_status(extraction)}
<div class="columns">
<div class="report">
<svg class="arcs" aria-hidden="true" focusable="false"></svg>
{write_report(study, extraction.entities, prefix) or '<p class="note">No report text.</p>'}
{_from_image(extraction.entities, prefix)}
</div>
<div class="side">
{"".join(_figure(image, images.get((study.study_id, image.image_id))) for image in study.images)}
{_triplets(extraction, prefix)}
{_entities(extraction.entities)}
</div>
</div>
</article>"""


def _facts(study: Study, extraction: Extraction) -> str:
    when = "date unknown" if study.study_date is None else study.study_date.isoformat()
    facts = (
        when,
        f"patient {study.subject_id}",
        study.archive,
        f"{len(extraction.entities)} terms",
        f"{len(extraction.relations)} relations",
        f"read by {extraction.extractor}",
        f"from {extraction.condition.replace('+', ' and ')}",
    )
    return " ".join(f"<span>{escape(fact)}</span>" for fact in facts)


def write_note(extraction: Extraction) -> str:
    """Return the paragraph that says what of the report was not read; empty text without one."""
    if extraction.status == "failed" or not extraction.reason:
        return ""
    return f'<p class="note">{escape(extraction.reason.capitalize())}.</p>'


def _status(extraction: Extraction) -> str:
    if extraction.status == "failed":
        reason = escape(extraction.reason or "")
        return f'<p class="status failed"><strong>Failed:</strong> {reason}</p>'
    if extraction.status == "empty":
        empty = "<strong>Empty:</strong> nothing was found in this study."
        return f'<p class="status">{empty}</p>{write_note(extraction)}'
    return write_note(extraction)


def _figure(image: Image, content: bytes | None) -> str:
    if content is None:
        return ""
    kind = next((t for magic, t in _IMAGE_TYPES.items() if content.startswith(magic)), None)
    if kind is None:
        raise ValueError(f"image {image.image_id} is neither JPEG nor PNG")
    name = escape(" ".join(filter(None, (image.view_position, image.image_id))))
    data = base64.b64encode(content).decode("ascii")
    return (
        f'<figure><img src="data:{kind};base64,{data}" alt="Chest X-ray {name}">'
        f"<figcaption>{name}</figcaption></figure>\n"
    )


def _from_image(entities: tuple[Entity, ...], prefix: str) -> str:
    """Return the line of the entities that come from the image and have no words in the report."""
    marks = [
        f"{open_mark(entity, make_entity_id(prefix, index))}{escape(entity.text)}</mark>"
        for index, entity in enumerate(entities)
        if entity.start is None
    ]
    if not marks:
        return ""
    return f'<h4>From the image</h4>\n<p class="from-image">{" ".join(marks)}</p>'


def _triplets(extraction: Extraction, prefix: str) -> str:
    if not extraction.relations:
        return '<p class="note">No relations.</p>' if extraction.status == "ok" else ""
    rows = "\n".join(_triplet(relation, extraction, prefix) for relation in extraction.relations)
    return f"""<table class="triplets">
<caption>Relations</caption>
<thead>
<tr><th scope="col">Term</th><th scope="col">Relation</th><th scope="col">Other term</th></tr>
</thead>
<tbody>
{rows}
</tbody>
</table>"""


def _triplet(relation: Relation, extraction: Extraction, prefix: str) -> str:
    head, tail = extraction.entities[relation.head], extraction.entities[relation.tail]
    return (
        f'<tr data-head="{make_entity_id(prefix, relation.head)}"'
        f' data-tail="{make_entity_id(prefix, relation.tail)}" data-relation="{relation.relation}"'
        f' data-words="{RELATION_WORDS[relation.relation]}"'
        f' title="confidence {relation.confidence:.2f}">'
        f'<td>{_named(head)}</td><td><span class="relation {relation.relation}">'
        f"{RELATION_WORDS[relation.relation]}</span></td><td>{_named(tail)}</td></tr>"
    )


def _named(entity: Entity) -> str:
    label = entity.label
    text = f'<span class="entity {label.lower()}">{escape(entity.text)}</span>'
    return f"{text} <small>{MEANING[label]}</small>"


def _entities(entities: tuple[Entity, ...]) -> str:
    """Return every field of every entity as a table, closed at first."""
    if not entities:
        return ""
    rows = "\n".join(
        f"<tr><td>{escape(entity.text)}</td><td>{escape(entity.concept)}</td>"
        f"<td>{MEANING[entity.label]}</td><td>{escape(entity.section or entity.source)}</td>"
        f'<td class="number">{"" if entity.start is None else f"{entity.start}&ndash;{entity.end}"}'
        f'</td><td class="number">{entity.confidence:.2f}</td></tr>'
        for entity in entities
    )
    heads = ("Text", "Name in the graph", "Certainty", "Section", "Characters", "Confidence")
    return f"""<details><summary>All terms ({len(entities)})</summary>
<div class="scroll" tabindex="0" role="group" aria-label="All terms"><table>
<thead><tr>{"".join(f'<th scope="col">{head}</th>' for head in heads)}</tr></thead>
<tbody>
{rows}
</tbody>
</table></div></details>"""
