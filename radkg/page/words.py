"""The words of a reader for the names that tables use: columns, values, and what a row is.

A name that stands here nowhere is shown with blanks for its underscores.
"""

from __future__ import annotations

from radkg.schema.answer import Cell

MEANING = {
    "ANAT-DP": "anatomy",
    "OBS-DP": "present",
    "OBS-U": "uncertain",
    "OBS-DA": "absent",
}
"""by label"""

RELATION_WORDS = {
    "modify": "describes",
    "located_at": "is at",
    "suggestive_of": "suggests",
}
"""by relation, to be read from head to tail"""

SHARES = frozenset({"rate", "overall", "corrected", "low", "high"})
"""columns of shares in [0, 1], shown in percent"""

_COLUMNS = {
    "of": "out of",
    "rate": "share",
    "overall": "share of all",
    "corrected": "corrected share",
    "low": "95 % from",
    "high": "95 % to",
    "lift": "times as often as by chance",
    "with_finding": "also present",
    "study_id": "study",
    "subject_id": "patient",
    "study_date": "date",
    "view_position": "view",
    "extractor": "reader",
    "other_extractor": "other reader",
    "model_id": "model",
    "condition": "what was read",
    "radkg_version": "version",
    "concept": "name in the graph",
    "label": "certainty",
    "head": "term",
    "head_label": "its certainty",
    "tail": "other term",
    "tail_label": "certainty of the other term",
    "head_code": "code of the term",
    "tail_code": "code of the other term",
    "known": "known cases",
    "start_offset": "from character",
    "end_offset": "to character",
    "entities_from": "terms from",
    "entities_to": "terms to",
    "extractions": "studies",
}
_CELLS = {
    "label": MEANING,
    "head_label": MEANING,
    "tail_label": MEANING,
    "relation": RELATION_WORDS,
    "status": {"ok": "read", "empty": "nothing found"},
    "condition": {"image+report": "image and report"},
}
_NOUNS = (
    ("study_id", "study", "studies"),
    ("subject_id", "patient", "patients"),
    ("model_id", "model", "models"),
    ("relation", "relation", "relations"),
    ("text", "term", "terms"),
)


def name_column(column: str) -> str:
    """Return what a reader calls a column."""
    return _COLUMNS.get(column, column.replace("_", " "))


def name_cell(column: str, cell: Cell) -> Cell:
    """Return what a reader calls a value of a column; most values are called what they are."""
    words = _CELLS.get(column, {})
    return words.get(cell, cell) if isinstance(cell, str) else cell


def count_things(columns: list[str], rows: list[list[Cell]]) -> tuple[int, str]:
    """Return how many things the rows list, and the noun for that number of them."""
    for column, one, many in _NOUNS:
        if column in columns:
            place = columns.index(column)
            unique = column.endswith("_id")
            number = len({row[place] for row in rows}) if unique else len(rows)
            return number, one if number == 1 else many
    return len(rows), "row" if len(rows) == 1 else "rows"
