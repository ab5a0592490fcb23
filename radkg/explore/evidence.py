"""Read what stands behind an edge: the studies that it counts, and their sentences.

`modify`, `located_at` and `suggestive_of` join two mentions of a report; `co_occurs` joins two
concepts that a study has as findings. The graph says where in which report a mention stands; the
words come from the archive.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any, Literal

from radkg.explore.snapshot_reader import SnapshotReader
from radkg.graph import Graph
from radkg.page.report import mark_text
from radkg.review.sheet import find_evidence_span
from radkg.schema.records import LABELS, Entity, Label, Study

EdgeType = Literal["co_occurs", "modify", "located_at", "suggestive_of"]
CO_OCCURS: EdgeType = "co_occurs"

_PERIOD = """($since IS NULL OR s.study_date >= $since)
  AND ($until IS NULL OR s.study_date <= $until)"""
_ORDER = "ORDER BY s.study_date IS NULL, s.study_date DESC, s.key, x.key"

_TRIPLETS = f"""
MATCH (c:Concept {{key: $head}})<-[:OF]-(m:Mention)
WHERE m.label IN $labels
MATCH (m)-[r:MODIFY|LOCATED_AT|SUGGESTIVE_OF]->(n:Mention)
WHERE type(r) = $relation AND r.confidence >= $confidence AND n.label IN $labels
MATCH (n)-[:OF]->(:Concept {{key: $tail}})
MATCH (m)<-[:HAS_MENTION]-(x:Extraction)<-[:HAS_EXTRACTION]-(s:Study)
WHERE {_PERIOD}
RETURN
  s.study_id AS study_id, s.archive AS archive, s.study_date AS study_date,
  x.extractor AS extractor, properties(m) AS head, properties(n) AS tail
{_ORDER}, m.ordinal, n.ordinal
SKIP $skip
LIMIT $limit
"""

_BOTH_FOUND = f"""
MATCH (c:Concept {{key: $head}})<-[f:HAS_FINDING]-(s:Study)
WHERE f.label IN $labels AND f.confidence >= $confidence AND {_PERIOD}
MATCH (s)-[g:HAS_FINDING]->(:Concept {{key: $tail}})
WHERE g.label IN $labels AND g.confidence >= $confidence
MATCH (s)-[:HAS_EXTRACTION]->(x:Extraction)
WHERE x.extractor = f.extractor AND x.extractor = g.extractor
WITH s, x, f.label AS head_label, g.label AS tail_label
{_ORDER}
SKIP $skip
LIMIT $limit
MATCH (x)-[:HAS_MENTION]->(m:Mention)-[:OF]->(k:Concept)
WHERE k.key = $head AND m.label = head_label OR k.key = $tail AND m.label = tail_label
RETURN
  s.study_id AS study_id, s.archive AS archive, s.study_date AS study_date,
  x.extractor AS extractor, k.key AS concept, properties(m) AS mention
{_ORDER}, m.ordinal
"""


@dataclass(frozen=True)
class Filters:
    """Which mentions and studies count: by label of both ends, confidence, period.

    `confidence` in [0, 1] is the least that the relation, or each of two findings, must have.
    `since` and `until` are inclusive study dates; either leaves out studies without a date.
    """

    labels: Sequence[Label] = ("OBS-DP", "OBS-U", "ANAT-DP")
    confidence: float = 0.0
    since: date | None = None
    until: date | None = None

    def to_parameters(self) -> dict[str, Any]:
        """Return the parameters of the statements; unknown labels are left out."""
        return {
            "labels": [label for label in LABELS if label in self.labels],
            "confidence": self.confidence,
            "since": self.since,
            "until": self.until,
        }


@dataclass(frozen=True)
class Passage:
    """A study behind an edge: its sentences as HTML, or why they cannot be shown.

    `at_hand` is whether the page can open the study.
    """

    study_id: str
    archive: str
    study_date: date | None
    extractor: str
    sentences: Sequence[str]
    problem: str | None
    at_hand: bool


def read_passages(
    graph: Graph,
    reader: SnapshotReader,
    edge: tuple[str, EdgeType, str],
    filters: Filters,
    skip: int,
    limit: int,
) -> tuple[list[Passage], bool]:
    """Return the passages behind an edge, latest studies first, and whether more follow.

    Args:
        graph: any loaded graph.
        reader: reads the reports of the snapshot that the graph holds.
        edge: key of the head concept, relation, key of the tail concept.
        filters: the filters with which the edge was counted.
        skip: number of rows on earlier pages; a row is a triplet, or a study for `co_occurs`.
        limit: the most rows to return.
    """
    head, relation, tail = edge
    values = {
        **filters.to_parameters(),
        "head": head,
        "tail": tail,
        "skip": skip,
        "limit": limit + 1,
    }
    if relation == CO_OCCURS:
        found = _first_mentions(graph.read(_BOTH_FOUND, **values), head, tail)
    else:
        found = graph.read(_TRIPLETS, **{**values, "relation": relation.upper()})
    more, found = len(found) > limit, found[:limit]
    ids = {row["study_id"] for row in found if row["archive"] == reader.archive}
    studies = reader.read_studies(ids)
    names = ("study_id", "archive", "study_date", "extractor")
    return [
        _passage(dict(zip(names, key, strict=True)), rows, studies, reader.archive)
        for key, rows in groupby(found, key=lambda row: tuple(row[name] for name in names))
    ], more


def _first_mentions(rows: Iterable[dict[str, Any]], head: str, tail: str) -> list[dict[str, Any]]:
    """Return a row for each extraction, with the first mention of either concept."""
    first: dict[tuple[str, ...], dict[str, Any]] = {}
    for row in rows:
        key = (row["archive"], row["study_id"], row["extractor"])
        ends = {head: "head", tail: "tail"}
        first.setdefault(key, dict(row)).setdefault(ends[row["concept"]], row["mention"])
    return list(first.values())


def _passage(
    about: dict[str, Any], rows: Iterable[dict[str, Any]], studies: dict[str, Study], archive: str
) -> Passage:
    """Return the passage of one extraction; `studies` are those of `archive`, by their id."""
    study = studies.get(about["study_id"])
    if about["archive"] != archive:
        problem = f"this run does not have its report: the study is of {about['archive']}"
        return Passage(**about, sentences=(), problem=problem, at_hand=False)
    if study is None:
        problem = f"{archive} no longer has its report, or it cannot be read"
        return Passage(**about, sentences=(), problem=problem, at_hand=False)
    pairs = [[_entity(row[end]) for end in ("head", "tail") if end in row] for row in rows]
    if any(
        e.start is not None and study.report[e.start : e.end] != e.text for p in pairs for e in p
    ):
        problem = "the report has changed since it was extracted: run the extraction again"
        return Passage(**about, sentences=(), problem=problem, at_hand=False)
    sentences = [quote(study, pair) for pair in pairs]
    return Passage(**about, sentences=sentences, problem=None, at_hand=True)


def _entity(mention: dict[str, Any]) -> Entity:
    return Entity(
        text=mention["text"],
        label=mention["label"],
        concept=mention["text"],
        start=mention.get("start"),
        end=mention.get("end"),
        section=mention.get("section"),
        source=mention["source"],
        confidence=mention["confidence"],
    )


def quote(study: Study, entities: Sequence[Entity]) -> str:
    """Return the sentences that hold the entities as HTML, with the entities marked."""
    spans = sorted(
        {
            find_evidence_span(study, [(entity.start, entity.end)])
            for entity in entities
            if entity.start is not None and entity.end is not None
        }
    )
    if not spans:
        return "(from the image)"
    shown = set(range(len(entities)))  # so that no mark gets an id or takes the focus
    return " &hellip; ".join(
        mark_text(study.report, start, end, entities, "quote", set(shown)) for start, end in spans
    )
