"""Assemble the page: one HTML file that names no address and loads nothing.

The page is read without a script: what is not needed at once stands in `<details>`. The content
security policy refuses every request. It lets only page.js run, which it names by hash: even a
report that carried a script past the escaping could not run it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from string import Template

from radkg.page.answer import write_closed_question, write_open_question
from radkg.page.brief import is_empty
from radkg.page.figures import Figure, write_figures
from radkg.page.markup import escape, format_cell
from radkg.page.order import Group, Spoken, group_answers
from radkg.page.study import write_study
from radkg.page.words import MEANING, RELATION_WORDS
from radkg.schema.answer import Answer, Cell
from radkg.schema.records import LABELS, RELATIONS, Extraction, Study

ABOUT = (
    "What radiology reports of a population say, as a graph: the entities of each report, how they"
    " relate, and the answers that the graph gives about all studies together."
)

Asked = tuple[Group, list[tuple[Spoken, Answer]]]
"""a group with its questions and their answers"""


def write_page(
    title: str,
    *,
    summary: Mapping[str, Cell],
    figures: Sequence[Figure] = (),
    note: str = "",
    answers: Sequence[Answer] = (),
    studies: Sequence[tuple[Study, Extraction]] = (),
    images: Mapping[tuple[str, str], bytes] | None = None,
    about: str = ABOUT,
) -> str:
    """Return the page as HTML, to be written as UTF-8; the same arguments give the same text.

    Args:
        title: heading of the page.
        summary: facts about the run by name, shown in this order at the end of the page.
        figures: what the page begins with, in this order.
        note: what qualifies these figures, below them.
        answers: answers of the population queries, shown in the order of order.py.
        studies: the studies to show, in this order; only a few, because the page holds them all.
        images: JPEG or PNG bytes by (study_id, image_id); they are embedded as they are.
        about: the headline under the title: what the archive holds, how good the reading is.

    Raises:
        ValueError: a study and its extraction do not belong together, a row does not fit its
            columns, or an image is neither JPEG nor PNG.
        SchemaError: an extraction is not valid or not grounded in its report.
    """
    here = files("radkg.page")
    script = here.joinpath("page.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    styles = (here.joinpath(name).read_text("utf-8") for name in ("page.css", "front.css"))
    groups = group_answers(list(answers))
    return Template(here.joinpath("page.html").read_text(encoding="utf-8")).substitute(
        title=escape(title),
        about=escape(about),
        script=script,
        script_hash=f"sha256-{digest}",
        style="".join(styles),
        figures=write_figures(figures, note),
        contents="\n".join(
            f'<li><a href="#{identity}">{name}</a></li>'
            for identity, name in (
                *((group.identity, escape(group.title)) for group, _ in groups),
                ("studies", "Studies, word by word"),
                ("making", "About this page"),
            )
        ),
        answers="\n".join(map(_group, groups)) or '<p class="note">No questions.</p>',
        studies=_studies(studies, images or {}),
        made=escape(" ".join(f"{name} {value}" for name, value in list(summary.items())[:1])),
        summary="\n".join(
            f"<div><dt>{escape(name)}</dt><dd>{format_cell(value)}</dd></div>"
            for name, value in summary.items()
        ),
    )


def _group(asked: Asked) -> str:
    """Return a group: the open questions side by side, the closed ones as a list below.

    A question that is open by the order and has no answer is closed as the others are.
    """
    group, questions = asked
    shown = [pair for pair in questions if pair[0].is_open and not is_empty(pair[1])]
    opened = "\n".join(write_open_question(a, spoken, f"query-{a.name}") for spoken, a in shown)
    closed = "\n".join(
        write_closed_question(a, spoken, f"query-{a.name}")
        for spoken, a in questions
        if (spoken, a) not in shown
    )
    title = f"{group.identity}-title"
    return f"""<section id="{group.identity}" class="group" aria-labelledby="{title}">
<h2 id="{title}">{escape(group.title)}</h2>
{f'<div class="pair">{opened}</div>' if opened else ""}
{closed}
</section>"""


def _studies(
    studies: Sequence[tuple[Study, Extraction]], images: Mapping[tuple[str, str], bytes]
) -> str:
    """Return the studies behind one click, with the legend of what is marked in them."""
    if not studies:
        return '<p class="note">No studies.</p>'
    labels = " ".join(
        f'<li><span class="entity {label.lower()}">{MEANING[label]}</span></li>' for label in LABELS
    )
    relations = " ".join(
        f'<li><span class="relation {name}">{RELATION_WORDS[name]}</span></li>'
        for name in RELATIONS
    )
    options = "".join(
        f'<option value="study-{i}">{escape(study.study_id)}</option>'
        for i, (study, _) in enumerate(studies)
    )
    written = "\n".join(
        write_study(study, extraction, images, f"study-{i}")
        for i, (study, extraction) in enumerate(studies)
    )
    noun = "study" if len(studies) == 1 else "studies"
    return f"""<details class="question" id="reports"><summary><h3>What do single reports say?</h3>
<span class="brief"><b>{len(studies)}</b> {noun}</span></summary>
<div class="body">
<ul class="legend" aria-label="Marks in the reports">{labels} {relations}</ul>
<form class="picker" id="picker" hidden>
<label>Search <input type="search" id="search" placeholder="word, concept or study" \
autocomplete="off"></label>
<label>Study <select id="choice">{options}</select></label>
<span class="buttons"><button type="button" id="previous">Previous</button> \
<button type="button" id="next">Next</button></span>
<span id="found" role="status"></span>
</form>
{written}
</div></details>"""
