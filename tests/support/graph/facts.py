"""Extractions written as a few facts, for graphs whose answers can be found by hand."""

from __future__ import annotations

from datetime import date
from typing import Any

from radkg.schema.known import KnownRelation, Term
from radkg.schema.records import Condition, Entity, Extraction, Relation, RelationType, Sex

ANATOMY = {"pleural", "base", "heart", "lung", "left", "right", "bilateral"}
SIGNS = {"+": "OBS-DP", "?": "OBS-U", "-": "OBS-DA"}

# What a table knows; terms with one code are one thing.
EFFUSION, EFFUSIONS = Term("C1", "effusion"), Term("C1", "effusions")
TABLE = [
    KnownRelation(EFFUSION, "located_at", Term("C2", "pleural"), 100),
    KnownRelation(EFFUSIONS, "located_at", Term("C2", "pleura"), 7),
    KnownRelation(Term("small", "small"), "modify", EFFUSIONS, 50),
    KnownRelation(EFFUSION, "suggestive_of", Term("C3", "pneumonia"), 9),
    KnownRelation(EFFUSION, "located_at", EFFUSION, 2),
    KnownRelation(Term("C4", "opacity"), "located_at", Term("C5", "lung"), 5),
]
OTHER_TABLE = [
    KnownRelation(Term("effusion", "effusion"), "located_at", Term("pleural", "pleural"), 3),
]


def study(
    number: int,
    subject: int,
    day: str | None,
    *facts: str,
    archive: str = "alpha",
    reason: str | None = None,
    extractor: str = "rules",
    condition: Condition = "report",
    confidence: float = 1.0,
    views: tuple[str, ...] = (),
    age: int | None = None,
    sex: Sex | None = None,
) -> Extraction:
    """Return an extraction of facts: "+a" present, "?a" uncertain, "-a" absent, "+a in impression".

    "+a in image" is read from the image. "a > b" is modify, "a @ b" located_at, "a ! b"
    suggestive_of; a, b: the last such mentions.
    """
    entities: list[Entity] = []
    relations: list[Relation] = []
    kinds: dict[str, RelationType] = {">": "modify", "@": "located_at", "!": "suggestive_of"}

    def mention(word: str, section: str = "findings") -> int:
        sign, name = (word[0], word[1:]) if word[0] in SIGNS else ("+", word)
        label = "ANAT-DP" if name in ANATOMY else SIGNS[sign]
        at = 10 * len(entities)
        where: tuple[Any, ...] = (at, at + len(name), section, "report")
        if section == "image":
            where = (None, None, None, "image")
        entities.append(Entity(name, label, name, *where, confidence))  # type: ignore[arg-type]
        return len(entities) - 1

    def last(word: str) -> int:
        name = word.lstrip("+?-")
        found = [i for i, entity in enumerate(entities) if entity.concept == name]
        return found[-1] if found else mention(word)

    for fact in facts:
        match fact.split(" "):
            case [word]:
                mention(word)
            case [word, "in", section]:
                mention(word, section)
            case [head, kind, tail]:
                relations.append(Relation(last(head), last(tail), kinds[kind], confidence=0.75))
    return Extraction(
        study_id=f"s{number}",
        subject_id=f"p{subject}",
        archive=archive,
        study_date=date.fromisoformat(day) if day else None,
        status="failed" if reason else "ok" if entities else "empty",
        reason=reason,
        entities=tuple(entities),
        relations=tuple(relations),
        extractor=extractor,
        model_id="m",
        condition=condition,
        study_fingerprint="f",
        radkg_version="0",
        view_positions=views,
        age=age,
        sex=sex,
    )
