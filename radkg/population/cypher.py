"""The Cypher that gives a cohort's studies from a graph: one that a person can read and paste.

It walks from the findings to their studies and raises a flag for each criterion, the form that both
engines answer quickly (graph/cypher/README.md). Where every criterion is negative, the studies that
were read stand beside those of the findings. Values stand in the text, as literals: the statement
is for people, and radkg never runs it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date

from radkg.population.cohort import Cohort
from radkg.population.counting import UNKNOWN_NAME
from radkg.population.criteria import LABELS_OF, Criterion
from radkg.population.wording import SEVERITIES, SEVERITY_WORDS, SIDE_WORDS
from radkg.schema.mentions import STRENGTH

_WORDS_OF_SIDE = "modifiers + sites + site_modifiers"
_LISTS = ("modifiers", "sites", "site_modifiers")
_RETURN = """MATCH (patient:Patient)-[:HAS_STUDY]->(study)
RETURN
  study.archive AS archive,
  study.study_id AS study_id,
  patient.subject_id AS subject_id,
  study.study_date AS study_date
ORDER BY archive, study_id
"""


def write_cypher(cohort: Cohort, archive: str, extractor: str) -> str:
    """Return the statement; its columns are those of the named query `cohort_studies`.

    Args:
        cohort: with the names of the graph.
        archive: of the population.
        extractor: that read it: the graph may hold the readings of others.
    """
    flags = {f"has_{number}": each for number, each in enumerate(cohort.finding, 1)}
    lines = [f"// {line}" for line in cohort.describe().splitlines()]
    if not flags:
        lines += _write_read(archive, extractor)
        lines += _write_where(_list_conditions(cohort))
    else:
        own = _write_findings(cohort, flags, archive, extractor)
        if all(each.is_negative for each in flags.values()):
            none = ", ".join(f"0 AS {flag}" for flag in flags)
            read = [*_write_read(archive, extractor), f"RETURN study, {none}", "UNION ALL"]
            flagged = ",\n  ".join(f"{_flag(each)} AS {flag}" for flag, each in flags.items())
            inside = [*read, *own, f"RETURN study,\n  {flagged}"]
            lines += ["CALL {", *_indent(inside), "}"]
            raised = [f"max({flag}) AS {flag}" for flag in flags]
        else:
            lines += own
            raised = [f"max({_flag(each)}) AS {flag}" for flag, each in flags.items()]
        lines.append("WITH study,\n  " + ",\n  ".join(raised))
        wanted = [f"{flag} = {0 if each.is_negative else 1}" for flag, each in flags.items()]
        lines += _write_where([*wanted, *_list_conditions(cohort)])
    return "\n".join(lines) + "\n" + _RETURN


def _write_read(archive: str, extractor: str) -> list[str]:
    return [
        "MATCH (study:Study)-[:HAS_EXTRACTION]->(extraction:Extraction)",
        f"WHERE extraction.status = 'ok' AND extraction.extractor = {_quote(extractor)}"
        f" AND study.archive = {_quote(archive)}",
        "WITH study",
    ]


def _write_findings(
    cohort: Cohort, flags: dict[str, Criterion], archive: str, extractor: str
) -> list[str]:
    names = sorted({each.name for each in flags.values()})
    conditions = [
        f"concept.name IN {_list_texts(names)}",
        f"found.extractor = {_quote(extractor)}",
        f"study.archive = {_quote(archive)}",
    ]
    if cohort.confidence > 0:
        conditions.append(f"found.confidence >= {cohort.confidence!r}")
    lists = ", ".join(f"coalesce(found.{name}, []) AS {name}" for name in _LISTS)
    carried = "WITH study, concept.name AS name, found.label AS label"
    needs_lists = any(each.details for each in flags.values())
    return [
        "MATCH (concept:Concept {kind: 'observation'})<-[found:HAS_FINDING]-(study:Study)",
        *_write_where(conditions),
        f"{carried},\n  {lists}" if needs_lists else carried,
    ]


def _write_where(conditions: list[str]) -> list[str]:
    return ["WHERE " + "\n  AND ".join(conditions)] if conditions else []


def _flag(criterion: Criterion) -> str:
    labels = [STRENGTH[label] for label in LABELS_OF[criterion.state]]
    held = [f"name = {_quote(criterion.name)}", f"label IN {_list_texts(labels)}"]
    held += _list_details(criterion)
    return f"CASE WHEN {' AND '.join(held)} THEN 1 ELSE 0 END"


def _list_details(criterion: Criterion) -> list[str]:
    held = []
    if criterion.severity == "unstated":
        words = [word for each in SEVERITY_WORDS.values() for word in each]
        held.append(f"NOT {_has_word('modifiers', words)}")
    elif criterion.severity:
        own = SEVERITIES.index(criterion.severity)
        held.append(_has_word("modifiers", SEVERITY_WORDS[SEVERITIES[own]]))
        stronger = [word for each in SEVERITIES[own + 1 :] for word in SEVERITY_WORDS[each]]
        if stronger:
            held.append(f"NOT {_has_word('modifiers', stronger)}")
    if criterion.side:
        for side in ("left", "right"):
            is_on = criterion.side in (side, "both")
            found = _has_word(_WORDS_OF_SIDE, SIDE_WORDS[side])
            held.append(found if is_on else f"NOT {found}")
    if criterion.site:
        held.append(f"{_quote(criterion.site)} IN sites")
    return held


def _has_word(listed: str, words: Iterable[str]) -> str:
    return f"size([word IN {listed} WHERE word IN {_list_texts(words)}]) > 0"


def _list_conditions(cohort: Cohort) -> list[str]:
    """Return what holds of the study itself."""
    found = []
    if cohort.since is not None:
        found.append(f"study.study_date >= {_write_date(cohort.since)}")
    if cohort.until is not None:
        found.append(f"study.study_date <= {_write_date(cohort.until)}")
    if cohort.age_from is not None:
        found.append(f"study.age >= {cohort.age_from}")
    if cohort.age_to is not None:
        found.append(f"study.age <= {cohort.age_to}")
    if cohort.sex:
        known = f"coalesce(study.sex, '{UNKNOWN_NAME}')"
        found.append(f"{known} IN {_list_texts(cohort.sex)}")
    if cohort.view:
        views = f"coalesce(study.view_positions, ['{UNKNOWN_NAME}'])"
        found.append(f"size([view IN {views} WHERE view IN {_list_texts(cohort.view)}]) > 0")
    return found


def _write_date(day: date) -> str:
    return f"date('{day.isoformat()}')"


def _list_texts(texts: Iterable[str]) -> str:
    return f"[{', '.join(map(_quote, texts))}]"


def _quote(text: str) -> str:
    """Return a text as a literal of Cypher, in which no character ends it."""
    inside = json.dumps(text, ensure_ascii=False)[1:-1].replace('\\"', '"').replace("'", "\\'")
    return f"'{inside}'"


def _indent(lines: list[str]) -> list[str]:
    return ["  " + line.replace("\n", "\n  ") for line in lines]
