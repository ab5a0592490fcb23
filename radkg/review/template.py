"""The page of a sheet: one HTML file that loads nothing, whose script saves the verdicts as CSV."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from string import Template

from radkg.page.markup import escape, format_cell
from radkg.schema.answer import Cell

KEYS = {"accept": "a", "reject": "r", "unsure": "u"}


def fill_template(
    name: str,
    item: str,
    columns: Sequence[str],
    about: Mapping[str, Cell],
    question: str,
    parts: Sequence[str],
    *,
    total: int,
    before: str = "",
    keys: Mapping[str, str] = KEYS,
) -> str:
    """Return the page, to be written as UTF-8.

    Args:
        name: name of the sheet, from which the filled CSV takes its name.
        item: what a row is: triplet.
        columns: of the sheet.
        about: facts for the head of the page, by name.
        question: what a reader is asked, and what to do; text.
        parts: HTML of what is judged: fieldsets with `data-row`, the cells of the row as JSON.
        total: number of the fieldsets.
        before: HTML that stands before what is judged.
        keys: of the keyboard, by verdict.
    """
    here, page = files("radkg.review"), files("radkg.page")
    script = here.joinpath("review.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    style = page.joinpath("page.css").read_text(encoding="utf-8")
    return Template(here.joinpath("review.html").read_text(encoding="utf-8")).substitute(
        name=escape(name),
        item=item,
        columns=escape(json.dumps(columns)),
        keys=escape(json.dumps({key: verdict for verdict, key in keys.items()})),
        keys_help=", ".join(f"<kbd>{key}</kbd> {verdict}" for verdict, key in keys.items()),
        script=script,
        script_hash=f"sha256-{digest}",
        style=style + here.joinpath("review.css").read_text(encoding="utf-8"),
        question=escape(question),
        about=" ".join(
            f"<span>{escape(key)} {format_cell(value)}</span>" for key, value in about.items()
        ),
        before=before,
        total=total,
        studies="\n".join(parts),
    )


def write_choices(
    identity: str,
    note: str = "",
    words: Mapping[str, str] | None = None,
    keys: Mapping[str, str] = KEYS,
) -> str:
    """Return the buttons of a fieldset.

    Args:
        identity: of the fieldset, unique in the page.
        note: stands beside the buttons; text.
        words: what a verdict is called on the page; None: by itself.
        keys: of the keyboard, by verdict.
    """
    choices = "\n".join(
        f'<label><input type="radio" name="{identity}" value="{verdict}">'
        f" {(words or {}).get(verdict, verdict)} <kbd>{key}</kbd></label>"
        for verdict, key in keys.items()
    )
    return f"""<div class="choices">
{choices}
<small>{escape(note)}</small>
</div>
<label class="comment">Comment <input type="text" autocomplete="off"></label>"""
