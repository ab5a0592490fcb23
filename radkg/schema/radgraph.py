"""RadGraph JSON, read and written without loss, in both label spellings.

A document is {"text", "entities": {"1": {"tokens", "label", "start_ix", "end_ix", "relations"}}}:
`text` is split at blanks, indices count those tokens, `end_ix` is inclusive, a relation stands on
its source (Jain et al., NeurIPS 2021; RadGraph-XL for the long spelling). Extra keys carry what
RadGraph lacks: `start` and `end` (character offsets into `text`), section, source, confidence,
concept, and `radkg` with the provenance of the row. Reports are not pre-tokenised, so a blank is
put where an entity begins or ends inside a token; the places are kept, and reading takes those
blanks out again.
"""

from __future__ import annotations

import bisect
import itertools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal, cast, get_args

from radkg.errors import SchemaError
from radkg.schema.limits import MAX_NAME_BYTES, is_too_long
from radkg.schema.reasons import cut_reason
from radkg.schema.records import Entity, Extraction, Label, Relation, check_extraction

Spelling = Literal["v1", "xl"]
SPELLINGS: tuple[Spelling, ...] = get_args(Spelling)

MEASUREMENT = "measurement"  # the concept of entities that RadGraph-XL labels as measurements
_XL_KIND = {"ANAT": "Anatomy", "OBS": "Observation"}
_XL_STATE = {"DP": "definitely present", "U": "uncertain", "DA": "definitely absent"}
_TO_XL = {
    label: (_XL_KIND[label.partition("-")[0]], _XL_STATE[label.partition("-")[2]])
    for label in ("ANAT-DP", "OBS-DP", "OBS-U", "OBS-DA")
}
_PROVENANCE = [
    name for name in Extraction.__dataclass_fields__ if name not in ("entities", "relations")
]
_LATER = ("view_positions", "age", "sex")  # older documents lack them
_FROM_XL = {pair: label for label, pair in _TO_XL.items()}


@dataclass(frozen=True)
class Document:
    """One document read: the report, what was extracted from it, and its other keys."""

    report: str
    extraction: Extraction
    extra: Mapping[str, Any]


def to_document(
    extraction: Extraction,
    report: str,
    spelling: str = "v1",
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the extraction as one RadGraph document; `extra` is added as it is.

    Raises:
        SchemaError: an entity is not in `report` where it says.
    """
    check_extraction(extraction, report)
    spans = [(e.start, e.end) for e in extraction.entities if e.start is not None]
    inserted = sorted(
        {i for span in spans for i in span if i is not None and _inside_token(report, i)}
    )
    text = _insert_blanks(report, inserted)
    starts = [match.start() for match in re.finditer(r"\S+", text)]
    entities = {
        str(i + 1): _entity_out(entity, text, inserted, starts, spelling)
        for i, entity in enumerate(extraction.entities)
    }
    for order, relation in enumerate(extraction.relations):
        source = entities[str(relation.head + 1)]
        source["relations"].append([relation.relation, str(relation.tail + 1)])
        source["relation_confidence"].append(relation.confidence)
        source["relation_order"].append(order)
    provenance: dict[str, Any] = {name: getattr(extraction, name) for name in _PROVENANCE}
    day = extraction.study_date
    provenance |= {"study_date": day.isoformat() if day else None, "inserted_blanks": inserted}
    return {
        "text": text,
        "entities": entities,
        **(extra or {}),
        "radkg": provenance,
    }


def from_document(doc_key: str, document: Mapping[str, Any]) -> Document:
    """Return the report and the extraction of a document, of radkg or of anybody.

    Raises:
        SchemaError: a key is missing, a label is unknown, an index points nowhere.
    """
    try:
        text = document["text"]
        ours = document.get("radkg")
        inserted = ours["inserted_blanks"] if ours else []
        tokens = [match.span() for match in re.finditer(r"\S+", text)]
        keys = {key: i for i, key in enumerate(document["entities"])}
        entities = tuple(
            _entity_in(entity, text, tokens, inserted) for entity in document["entities"].values()
        )
        relations = _relations_in(document["entities"], keys)
        report = _remove_blanks(text, inserted)
        row = _refuse_long_names(_provenance(doc_key, ours, entities, relations))
        extraction = check_extraction(row, report)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, SchemaError) as error:
        what = str(error) if isinstance(error, SchemaError) else repr(error)
        raise SchemaError(f"document {doc_key[:80]!r} is not RadGraph JSON: {what}") from error
    extra = {k: v for k, v in document.items() if k not in ("text", "entities", "radkg")}
    return Document(report, extraction, extra)


def parse_documents(data: bytes, name: str) -> dict[str, Any]:
    """Return the documents of a RadGraph JSON file by their keys, in order, unread.

    Args:
        data: the bytes: an object of documents, or a list of such objects.
        name: what messages call the file.

    Raises:
        SchemaError: the bytes are no JSON of that form, or a key stands twice.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError(f"a key stands twice among {list(found)[:5]}")
        return found

    try:
        loaded = json.loads(data, object_pairs_hook=unique)
        parts = loaded if isinstance(loaded, list) else [loaded]
        if not parts or not all(isinstance(part, dict) for part in parts):
            raise ValueError("an object of documents is expected")
        return unique([pair for part in parts for pair in part.items()])
    except (ValueError, RecursionError) as error:
        raise SchemaError(f"{name} is not RadGraph JSON: {error}") from error


def get_report(document: Mapping[str, Any]) -> str:
    """Return the report of a document, whatever its labels; blanks of our export are taken out.

    Raises:
        SchemaError: it has no text.
    """
    text = document.get("text") if isinstance(document, Mapping) else None
    if not isinstance(text, str):
        raise SchemaError("the document has no text")
    ours = document.get("radkg")
    inserted = ours.get("inserted_blanks", []) if isinstance(ours, Mapping) else []
    is_list = isinstance(inserted, list) and all(type(i) is int for i in inserted)
    if not is_list or any(text[i + n : i + n + 1] != " " for n, i in enumerate(inserted)):
        raise SchemaError("its inserted_blanks are not those of its text")
    return _remove_blanks(text, inserted)


def _entity_out(
    entity: Entity, text: str, inserted: list[int], starts: list[int], spelling: str
) -> dict[str, Any]:
    words = entity.text
    if entity.start is None or entity.end is None:  # read from the image: no place in the text
        place: dict[str, Any] = {"start_ix": -1, "end_ix": -1, "start": None, "end": None}
    else:
        start = entity.start + bisect.bisect_right(inserted, entity.start)
        end = entity.end + bisect.bisect_left(inserted, entity.end)
        first, last = bisect.bisect_right(starts, start), bisect.bisect_left(starts, end)
        place = {"start_ix": first - 1, "end_ix": last - 1, "start": start, "end": end}
        words = text[start:end]
    label: str = entity.label
    if spelling == "xl":
        kind, state = _TO_XL[label]
        middle = [MEASUREMENT] if entity.concept == MEASUREMENT else []
        label = "::".join([kind, *middle, state])
    return {
        "tokens": " ".join(words.split()),
        "label": label,
        **place,
        "section": entity.section,
        "source": entity.source,
        "confidence": entity.confidence,
        "concept": entity.concept,
        "relations": [],
        "relation_confidence": [],
        "relation_order": [],
    }


def _relations_in(
    entities: Mapping[str, Mapping[str, Any]], keys: Mapping[str, int]
) -> tuple[Relation, ...]:
    found: list[tuple[int, Relation]] = []
    for key, entity in entities.items():
        pairs = entity.get("relations", [])
        confidences = entity.get("relation_confidence", [])
        orders = entity.get("relation_order", [])
        if not len(pairs) == len(confidences) == len(orders):  # not ours, or edited since
            confidences, orders = [1.0] * len(pairs), [len(found)] * len(pairs)
        for (kind, tail), confidence, order in zip(pairs, confidences, orders, strict=True):
            found.append((order, Relation(keys[key], keys[str(tail)], kind, confidence)))
    return tuple(relation for _, relation in sorted(found, key=lambda pair: pair[0]))


def _entity_in(
    entity: Mapping[str, Any], text: str, tokens: list[tuple[int, int]], inserted: list[int]
) -> Entity:
    label, is_measurement = _label(entity["label"])
    if entity["start_ix"] < 0:
        start = end = None
        words = entity["tokens"]
    else:
        start = entity.get("start", tokens[entity["start_ix"]][0])
        end = entity.get("end", tokens[entity["end_ix"]][1])
        if not 0 <= entity["start_ix"] <= entity["end_ix"]:
            raise ValueError("end_ix before start_ix")
        if " ".join(text[start:end].split()) != entity["tokens"]:
            raise ValueError(f"the text at {start}:{end} is not the tokens of an entity")
        places = [i + n for n, i in enumerate(inserted)]  # of the inserted blanks, in `text`
        start -= bisect.bisect_left(places, start)
        end -= bisect.bisect_left(places, end)
        words = _remove_blanks(text, inserted)[start:end]
    concept = MEASUREMENT if is_measurement else " ".join(entity["tokens"].lower().split())
    return Entity(
        text=words,
        label=label,
        concept=entity.get("concept", concept),
        start=start,
        end=end,
        section=entity.get("section"),
        source=entity.get("source", "report"),
        confidence=entity.get("confidence", 1.0),
    )


def _label(text: str) -> tuple[Label, bool]:
    if text in _TO_XL:
        return cast(Label, text), False
    parts = text.split("::")
    kind, middle, state = parts[0], parts[1:-1], parts[-1]
    if (kind, state) not in _FROM_XL or middle not in ([], [MEASUREMENT]):
        raise ValueError(f"unknown label {text[:40]!r}")
    return cast(Label, _FROM_XL[kind, state]), bool(middle)


def _provenance(
    doc_key: str,
    ours: Mapping[str, Any] | None,
    entities: tuple[Entity, ...],
    relations: tuple[Relation, ...],
) -> Extraction:
    if ours is None:
        ours = {
            "study_id": doc_key,
            "subject_id": doc_key,
            "archive": "radgraph",
            "study_date": None,
            "status": "ok" if entities else "empty",
            "reason": None,
            "extractor": "radgraph",
            "model_id": "unknown",
            "condition": "report",
            "study_fingerprint": "",
            "radkg_version": "",
        }
    day = ours["study_date"]
    fields = {name: ours[name] for name in _PROVENANCE if name in ours or name not in _LATER}
    fields |= {"reason": ours["reason"] and cut_reason(ours["reason"])}
    fields |= {"study_date": date.fromisoformat(day) if day else None}
    fields |= {"view_positions": tuple(ours.get("view_positions", ()))}
    return Extraction(**fields, entities=entities, relations=relations)


def _refuse_long_names(row: Extraction) -> Extraction:
    """Return the row, as a failed one where a concept is too long to be a key of the graph."""
    concepts = [entity.concept for entity in row.entities]
    long = next((i for i, c in enumerate(concepts) if isinstance(c, str) and is_too_long(c)), None)
    if long is None:
        return row
    reason = f"concept of entity {long} has more than {MAX_NAME_BYTES} bytes"
    return replace(row, status="failed", reason=reason, entities=(), relations=())


def _inside_token(report: str, i: int) -> bool:
    return 0 < i < len(report) and not report[i - 1].isspace() and not report[i].isspace()


def _insert_blanks(report: str, inserted: list[int]) -> str:
    ends = [0, *inserted, len(report)]
    return " ".join(report[a:b] for a, b in itertools.pairwise(ends))


def _remove_blanks(text: str, inserted: list[int]) -> str:
    ends = [-1, *(i + n for n, i in enumerate(inserted)), len(text)]
    return "".join(text[a + 1 : b] for a, b in itertools.pairwise(ends))
