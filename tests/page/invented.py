"""Invented studies and what was found in them; no text here comes from an archive."""

from __future__ import annotations

from datetime import date

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
