"""Invented studies and what was found in them; no text here comes from an archive."""

from __future__ import annotations

from datetime import date

from radkg.graph.ask.correction import COLUMNS
from radkg.graph.ask.queries import Query
from radkg.page.measure import split_name
from radkg.page.words import SHARES
from radkg.schema.answer import Answer, Cell
from radkg.schema.records import Entity, Extraction, Image, Label, Relation, Section, Study


def study_of(
    *sections: tuple[str, str], study_id: str = "s1", images: tuple[str, ...] = ()
) -> Study:
    """Return a study whose report is the sections, each under its heading in capitals."""
    report, spans = "", []
    for name, text in sections:
        report += f"{name.upper()}: "
        spans.append(Section(name, len(report), len(report) + len(text)))
        report += text + "\n\n"
    return Study(
        study_id=study_id,
        subject_id="p1",
        archive="invented",
        study_date=date(2020, 2, 29),
        report=report,
        sections=tuple(spans),
        images=tuple(Image(name, "PA") for name in images),
        split=None,
        fingerprint="f",
    )


def entity_in(report: str, text: str, label: Label = "OBS-DP", nth: int = 0) -> Entity:
    """Return the entity at the nth occurrence of `text`."""
    start = -1
    for _ in range(nth + 1):
        start = report.index(text, start + 1)
    return Entity(text, label, text.lower(), start, start + len(text), "findings", confidence=0.9)


def extraction_of(
    study: Study,
    entities: tuple[Entity, ...] = (),
    relations: tuple[Relation, ...] = (),
    reason: str | None = None,
) -> Extraction:
    """Return the extraction: failed with a reason, empty without entities, else ok."""
    return Extraction(
        study_id=study.study_id,
        subject_id=study.subject_id,
        archive=study.archive,
        study_date=study.study_date,
        status="failed" if reason else "ok" if entities else "empty",
        reason=reason,
        entities=entities,
        relations=relations,
        extractor="rules",
        model_id="m1",
        condition="report",
        study_fingerprint=study.fingerprint,
        radkg_version="0",
    )


def crowded(study_id: str = "s1") -> tuple[Study, Extraction]:
    """Return a study with nesting, overlap, an image entity, all relations and far-apart ends."""
    study = study_of(
        ("findings", "Small left pleural effusion with basal opacity. The heart is enlarged. " * 3),
        ("impression", "Possible pneumonia. No pneumothorax."),
        study_id=study_id,
        images=("view",),
    )
    report = study.report
    entities = (
        entity_in(report, "left pleural effusion"),
        entity_in(report, "left pleural", "ANAT-DP"),
        entity_in(report, "pleural effusion with"),
        entity_in(report, "opacity"),
        entity_in(report, "heart", "ANAT-DP", nth=2),
        entity_in(report, "enlarged", nth=2),
        entity_in(report, "pneumonia", "OBS-U"),
        entity_in(report, "pneumothorax", "OBS-DA"),
        Entity("cardiomegaly", "OBS-DP", "cardiomegaly", None, None, None, "image", 0.7),
    )
    relations = (
        Relation(0, 1, "located_at"),
        Relation(3, 0, "modify"),
        Relation(5, 4, "located_at"),
        Relation(3, 6, "suggestive_of"),
        Relation(8, 4, "located_at"),
        Relation(6, 3, "modify"),
    )
    return study, extraction_of(study, entities, relations)


def answer_to(query: Query, num_rows: int = 20) -> Answer:
    """Return an answer to a named query with rows of its columns, of lengths that reports have."""
    columns = [*query.columns, *(COLUMNS if query.corrected else ())]
    rows = [[_cell_of(column, number) for column in columns] for number in range(num_rows)]
    parameters = {
        p.name: "effusion" if p.type == "concept" else p.default for p in query.parameters
    }
    parameters |= {name: "s1" for name, value in parameters.items() if value is None}
    return Answer(query.name, query.question, parameters, columns, rows)


def _cell_of(column: str, number: int) -> Cell:
    if column in SHARES:
        return (0.9 if column == "high" else 0.5) / (number + 1)
    if column == "month":
        return f"{2010 + number // 12}-{number % 12 + 1:02}"
    if column == "year":
        return 2000 + number
    if "date" in column or column.startswith("last_"):
        return date(2010, 1, number + 1)
    counted = {"studies", "of", "patients", "present", "uncertain", "absent", "count", "known"}
    if column in counted or split_name(column)[-1:] in (["from"], ["to"], ["only"]):
        return 1000 - number if column == "of" else 500 - number
    return f"calcified granuloma {number}"
