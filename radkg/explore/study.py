"""Write one study as a fragment of HTML: origin, images, report, drafts, and triplets to judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from radkg.explore.drafts import ShownDraft, write_draft_html
from radkg.page.markup import escape, format_cell
from radkg.page.report import make_entity_id, mark_text, write_report
from radkg.page.study import write_note
from radkg.page.words import MEANING, RELATION_WORDS
from radkg.review.sheet import VERDICTS
from radkg.schema.answer import Cell
from radkg.schema.records import OLDEST, Entity, Extraction, Image, Study
from radkg.schema.sentences import split_sentences


def write_study_html(
    study: Study,
    extraction: Extraction,
    origin: Mapping[str, Cell],
    judged: Mapping[int, str],
    drafts: Sequence[ShownDraft] = (),
    prefix: str = "study",
) -> str:
    """Return the `<article>` of a study.

    Args:
        study: the study with its report.
        extraction: the extraction of this study, grounded in the report.
        origin: the snapshot, the model and other facts about the extraction, by name.
        judged: the verdicts so far, by the number of the triplet, from 1.
        drafts: what reporters wrote of the study, to be shown beside its report.
        prefix: the beginning of all ids, so that two studies stand on one page.
    """
    facts: dict[str, Cell] = {"patient": study.subject_id, "date": study.study_date or "unknown"}
    facts |= {"age": "90 or more" if study.age == OLDEST else study.age, "sex": study.sex}
    facts |= {"views": ", ".join(study.view_positions) or None}
    triplets = "\n".join(
        _write_triplet(extraction, number, judged.get(number), prefix)
        for number in range(1, len(extraction.relations) + 1)
    )
    written = "\n".join(
        write_draft_html(draft, study, extraction.entities, prefix, number)
        for number, draft in enumerate(drafts)
    )
    note = write_note(extraction)
    if extraction.status == "failed":
        note = f'<p class="status failed">Failed: {escape(extraction.reason or "")}</p>'
    report = write_report(study, extraction.entities, prefix, _write_sentences)
    figures = "".join(_write_figure(study, image) for image in study.images if image.location)
    return f"""<article class="study" aria-labelledby="{prefix}-title"
 data-study="{escape(study.study_id)}">
<h2 id="{prefix}-title" tabindex="-1">Study {escape(study.study_id)}</h2>
{_write_facts(facts)}
{note}
<div class="columns{" drafted" if drafts else ""}">
<div class="report">
{report or '<p class="note">No report text.</p>'}
</div>
{f'<div class="drafts">{written}</div>' if drafts else ""}
{f'<div class="images">{figures}</div>' if figures else ""}
<div class="side">
<h3>Statements ({len(extraction.relations)})</h3>
{_KEYS if extraction.relations else _NO_STATEMENTS}
<ol class="judge">
{triplets}
</ol>
<details><summary>Where this comes from</summary>{_write_facts(origin)}</details>
</div>
</div>
</article>"""


_KEYS = (
    '<p class="note">On a statement: <kbd>a</kbd> accept, <kbd>r</kbd> reject, <kbd>u</kbd> unsure,'
    " <kbd>s</kbd> to its sentence. On a sentence: <kbd>Enter</kbd> to its statements.</p>"
)
_NO_STATEMENTS = '<p class="note">No statement joins two words of this report.</p>'


def _write_facts(facts: Mapping[str, Cell]) -> str:
    items = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{format_cell(value)}</dd></div>"
        for name, value in facts.items()
        if value is not None
    )
    return f'<dl class="origin">{items}</dl>'


def _write_sentences(
    report: str, start: int, end: int, entities: Sequence[Entity], prefix: str, shown: set[int]
) -> str:
    """Return a piece of the report: each sentence that mentions something can be chosen.

    The sentence has the focus and not its marks: it leads to what was read in it.
    """
    shown |= set(range(len(entities)))
    out, position = [], start
    for first, last in split_sentences(report, start, end):
        out.append(escape(report[position:first]))
        text = mark_text(report, first, last, entities, prefix, shown)
        focus = ' tabindex="0"' if "<mark" in text else ""
        out.append(f'<span class="sentence"{focus}>{text}</span>')
        position = last
    out.append(mark_text(report, position, end, entities, prefix, shown))
    return "".join(out)


def _write_figure(study: Study, image: Image) -> str:
    name = escape(" ".join(filter(None, (image.view_position, image.image_id))))
    query = escape(urlencode({"study_id": study.study_id, "image_id": image.image_id}))
    return (
        f'<figure data-image="{escape(image.image_id)}">'
        f'<img src="/api/image?{query}" alt="Chest X-ray {name}">'
        f"<figcaption>{name}</figcaption></figure>\n"
    )


def _write_triplet(extraction: Extraction, number: int, verdict: str | None, prefix: str) -> str:
    relation = extraction.relations[number - 1]
    head, tail = extraction.entities[relation.head], extraction.entities[relation.tail]
    buttons = "\n".join(
        f'<button type="button" data-verdict="{name}"'
        f' aria-pressed="{str(name == verdict).lower()}">{name}</button>'
        for name in VERDICTS
    )
    lights = " ".join(make_entity_id(prefix, end) for end in (relation.head, relation.tail))
    words = RELATION_WORDS[relation.relation]
    return f"""<li data-triplet="{number}" data-lights="{lights}">
<p>{_name_entity(head)} <span class="relation {relation.relation}">{words}</span>
{_name_entity(tail)} <small>confidence {relation.confidence:.2f}</small></p>
<div role="group" aria-label="Verdict on statement {number}">
{buttons}
</div>
</li>"""


def _name_entity(entity: Entity) -> str:
    return (
        f'<span class="entity {entity.label.lower()}">{escape(entity.text)}</span>'
        f" <small>{MEANING[entity.label]}</small>"
    )
