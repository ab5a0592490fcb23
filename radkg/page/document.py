"""Assemble the page: one HTML file that names no address and loads nothing.

The content security policy refuses every request. It lets only page.js run, which it names by hash:
even a report that carried a script past the escaping could not run it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from string import Template

from radkg.page.answer import write_answer
from radkg.page.markup import escape, format_cell
from radkg.page.report import MEANING
from radkg.page.study import write_study
from radkg.schema.answer import Answer, Cell
from radkg.schema.records import LABELS, RELATIONS, Extraction, Study

ABOUT = (
    "What radiology reports of a population say, as a graph: the entities of each report, how they"
    " relate, and the answers that the graph gives about all studies together."
)


def write_page(
    title: str,
    *,
    summary: Mapping[str, Cell],
    answers: Sequence[Answer] = (),
    studies: Sequence[tuple[Study, Extraction]] = (),
    images: Mapping[tuple[str, str], bytes] | None = None,
    about: str = ABOUT,
) -> str:
    """Return the page as HTML, to be written as UTF-8; the same arguments give the same text.

    Args:
        title: heading of the page.
        summary: figures of the run by name, shown in this order.
        answers: answers of the population queries, shown in this order.
        studies: the studies to show, in this order; only a few, because the page holds them all.
        images: JPEG or PNG bytes by (study_id, image_id); they are embedded as they are.
        about: one sentence that says what the page is.

    Raises:
        ValueError: a study and its extraction do not belong together, a row does not fit its
            columns, or an image is neither JPEG nor PNG.
        SchemaError: an extraction is not valid or not grounded in its report.
    """
    here = files("radkg.page")
    script = here.joinpath("page.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    return Template(here.joinpath("page.html").read_text(encoding="utf-8")).substitute(
        title=escape(title),
        about=escape(about),
        script=script,
        script_hash=f"sha256-{digest}",
        style=here.joinpath("page.css").read_text(encoding="utf-8"),
        summary="\n".join(_figure(name, value) for name, value in summary.items()),
        labels=" ".join(
            f'<li><span class="entity {label.lower()}">{MEANING[label]}</span>'
            f" <small>{label}</small></li>"
            for label in LABELS
        ),
        relations=" ".join(
            f'<li><span class="relation {name}">{name}</span></li>' for name in RELATIONS
        ),
        answers="\n".join(write_answer(answer, f"query-{i}") for i, answer in enumerate(answers))
        or '<p class="note">No queries.</p>',
        options="".join(
            f'<option value="study-{i}">{escape(study.study_id)}</option>'
            for i, (study, _) in enumerate(studies)
        ),
        studies="\n".join(
            write_study(study, extraction, images or {}, f"study-{i}")
            for i, (study, extraction) in enumerate(studies)
        )
        or '<p class="note">No studies.</p>',
    )


def _figure(name: str, value: Cell) -> str:
    kind = "text" if isinstance(value, str) else "figure"
    return f'<div><dt>{escape(name)}</dt><dd class="{kind}">{format_cell(value)}</dd></div>'
