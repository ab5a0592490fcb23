"""Write one study as a fragment of HTML: origin, images, report, drafts, and triplets to judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from radkg.explore.drafts import ShownDraft, write_draft_html
from radkg.page.markup import escape, format_cell
from radkg.page.report import make_entity_id, write_report
from radkg.page.study import write_note
from radkg.page.words import MEANING
from radkg.review.sheet import VERDICTS
from radkg.schema.answer import Cell
from radkg.schema.records import OLDEST, Entity, Extraction, Image, Study

_PREFIX = "study"


def write_study_html(
    study: Study,
    extraction: Extraction,
    origin: Mapping[str, Cell],
    judged: Mapping[int, str],
    drafts: Sequence[ShownDraft] = (),
) -> str:
    """Return the `<article>` of a study.

    Args:
        study: the study with its report.
        extraction: the extraction of this study, grounded in the report.
        origin: the snapshot, the model and other facts about the extraction, by name.
        judged: the verdicts so far, by the number of the triplet, from 1.
        drafts: what reporters wrote of the study, to be shown beside its report.
    """
    facts: dict[str, Cell] = {"subject": study.subject_id, "date": study.study_date or "unknown"}
    facts |= {"age": "90 or more" if study.age == OLDEST else study.age, "sex": study.sex}
    facts = {name: value for name, value in facts.items() if value is not None}
    triplets = "\n".join(
        _triplet(extraction, number, judged.get(number))
        for number in range(1, len(extraction.relations) + 1)
    )
    written = "\n".join(
        write_draft_html(draft, study, extraction.entities, _PREFIX, number)
        for number, draft in enumerate(drafts)
    )
    note = write_note(extraction)
    if extraction.status == "failed":
        note = f'<p class="status failed">Failed: {escape(extraction.reason or "")}</p>'
    return f"""<article class="study" aria-labelledby="study-title"
 data-study="{escape(study.study_id)}">
<h2 id="study-title" tabindex="-1">Study {escape(study.study_id)}</h2>
<dl class="origin">{"".join(_fact(name, value) for name, value in {**facts, **origin}.items())}</dl>
{note}
<div class="columns{" drafted" if drafts else ""}">
<div class="report">
{write_report(study, extraction.entities, _PREFIX) or '<p class="note">No report text.</p>'}
</div>
{f'<div class="drafts">{written}</div>' if drafts else ""}
<div class="side">
{"".join(_figure(study, image) for image in study.images if image.location)}
<h3>Triplets ({len(extraction.relations)})</h3>
<p class="note">In a triplet: <kbd>a</kbd> accept, <kbd>r</kbd> reject, <kbd>u</kbd> unsure.</p>
<ol class="judge">
{triplets}
</ol>
</div>
</div>
</article>"""


def _fact(name: str, value: Cell) -> str:
    return f"<div><dt>{escape(name)}</dt><dd>{format_cell(value)}</dd></div>"


def _figure(study: Study, image: Image) -> str:
    name = escape(" ".join(filter(None, (image.view_position, image.image_id))))
    query = escape(urlencode({"study_id": study.study_id, "image_id": image.image_id}))
    return (
        f'<figure><img src="/api/image?{query}" alt="Chest X-ray {name}">'
        f"<figcaption>{name}</figcaption></figure>\n"
    )


def _triplet(extraction: Extraction, number: int, verdict: str | None) -> str:
    relation = extraction.relations[number - 1]
    head, tail = extraction.entities[relation.head], extraction.entities[relation.tail]
    buttons = "\n".join(
        f'<button type="button" data-verdict="{name}"'
        f' aria-pressed="{str(name == verdict).lower()}">{name}</button>'
        for name in VERDICTS
    )
    lights = " ".join(make_entity_id(_PREFIX, end) for end in (relation.head, relation.tail))
    return f"""<li data-triplet="{number}" data-lights="{lights}">
<p>{_named(head)} <span class="relation {relation.relation}">{relation.relation}</span>
{_named(tail)} <small>confidence {relation.confidence:.2f}</small></p>
<div role="group" aria-label="Verdict on triplet {number}">
{buttons}
</div>
</li>"""


def _named(entity: Entity) -> str:
    return (
        f'<span class="entity {entity.label.lower()}">{escape(entity.text)}</span>'
        f" <small>{MEANING[entity.label]}</small>"
    )
