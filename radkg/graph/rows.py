"""What the graph stores of one study, as one nested row: what is loaded, compared and read back.

Pure functions on rows of the extraction table; no database. A row holds property maps without
nulls, for a null property does not exist in a graph:

    patient, study, extraction    properties of these nodes, Extraction.digest included
    mentions                      properties, and `concept`: the key of the concept it is OF
    relations                     type, head, tail (ordinals of mentions), confidence
    findings                      concept (key) and the properties of HAS_FINDING
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson
import pyarrow as pa

from radkg.errors import GraphError
from radkg.graph.digests import digests
from radkg.schema.concepts import concept_key
from radkg.schema.findings import findings

Row = dict[str, Any]

BATCH_STUDIES = 200
BATCH_MENTIONS = 12_000  # a server keeps a transaction in memory until it commits

LISTS = ("mentions", "relations", "findings")
RELATION_TYPES = ("LOCATED_AT", "MODIFY", "SUGGESTIVE_OF")
FORMAT = 4  # part of every digest: a new shape of the graph replaces every study
MAX_KEY_BYTES = 4096  # Neo4j's range index takes about 8 KB; what is no key may be of any length

_OF_MENTION = ("concept", "label", "confidence")  # what a finding takes from its strongest mention


def ledger_key(archive: str, extractor: str) -> str:
    """Return Load.key."""
    return _key(f"{archive}|{extractor}")


def concept(key: str) -> Row:
    """Return the properties of the Concept with this key, "<kind>:<name>"."""
    kind, _, name = key.partition(":")
    return {"key": key, "name": name, "kind": kind}


def to_row(record: Mapping[str, Any]) -> Row:
    """Return the nested row of one row of a table that `digested` gave.

    Raises:
        GraphError: an id or a concept is too long to be a key.
    """
    archive, study_id, extractor = record["archive"], record["study_id"], record["extractor"]
    mentions = [
        _present(
            ordinal=ordinal,
            text=entity["text"],
            label=entity["label"],
            start=entity["start"],
            end=entity["end"],
            section=entity["section"],
            source=entity["source"],
            confidence=float(entity["confidence"]) + 0.0,  # no -0.0: it equals 0.0
            concept=_key(concept_key(entity["label"], entity["concept"])),
        )
        for ordinal, entity in enumerate(record["entities"])
    ]
    relations = [
        {
            "type": relation["relation"].upper(),
            "head": relation["head"],
            "tail": relation["tail"],
            "confidence": float(relation["confidence"]) + 0.0,
        }
        for relation in record["relations"]
    ]
    return {
        "patient": {
            "key": _key(f"{archive}/{record['subject_id']}"),
            "subject_id": record["subject_id"],
            "archive": archive,
        },
        "study": _present(
            key=_key(f"{archive}/{study_id}"),
            study_id=study_id,
            archive=archive,
            study_date=record["study_date"],
            view_positions=list(record["view_positions"]) or None,
            age=record["age"],
            sex=record["sex"],
        ),
        "extraction": _present(
            key=_key(f"{archive}/{study_id}|{extractor}"),
            extractor=extractor,
            **{
                name: record[name]
                for name in (
                    "model_id",
                    "condition",
                    "status",
                    "reason",
                    "study_fingerprint",
                    "radkg_version",
                    "digest",
                )
            },
        ),
        "mentions": mentions,
        "relations": relations,
        "findings": [
            {
                **{name: mentions[found.strongest][name] for name in _OF_MENTION},
                "mentions": found.mentions,
                "extractor": extractor,
            }
            for found in findings(record)
        ],
    }


def digested(table: pa.Table) -> pa.Table:
    """Return rows of the extraction table with their digests as one column more, `digest`.

    A digest is of all that the graph holds of the study: of the row, and by FORMAT of what is made
    of it.
    """
    return table.append_column("digest", digests(table, FORMAT))


def canonical(row: Row) -> list[bytes]:
    """Return the row in a form that only an equal row has: 3 is not 3.0, and a date is no text.

    Its lists may stand in whatever order, for a graph has none.
    """
    nodes = [_encode(row[name]) for name in ("patient", "study", "extraction")]
    for name in LISTS:
        nodes += [b"", *sorted(map(_encode, row[name]))]
    return nodes


def totals(batch: Iterable[Row]) -> Counter[str]:
    """Return the numbers of studies, mentions, relations and findings, as Load keeps them."""
    counter = Counter({"num_studies": 0, **{f"num_{name}": 0 for name in LISTS}})
    for row in batch:
        counter["num_studies"] += 1
        for name in LISTS:
            counter[f"num_{name}"] += len(row[name])
    return counter


def batches(tables: Iterable[pa.Table]) -> Iterator[list[Row]]:
    """Yield the rows of extraction tables, as many at a time as one transaction takes."""
    batch: list[Row] = []
    mentions = 0
    for table in tables:
        for part in digested(table).to_batches(max_chunksize=BATCH_STUDIES):
            for record in part.to_pylist():
                row = to_row(record)
                full = mentions + len(row["mentions"]) > BATCH_MENTIONS
                if batch and (full or len(batch) == BATCH_STUDIES):
                    yield batch
                    batch, mentions = [], 0
                batch.append(row)
                mentions += len(row["mentions"])
    if batch:
        yield batch


def _encode(value: Any) -> bytes:
    """Return JSON; of what is read back from a graph, any value of a property."""
    option = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME
    return orjson.dumps(value, default=repr, option=option)


def _present(**properties: Any) -> Row:
    return {name: value for name, value in properties.items() if value is not None}


def _key(key: str) -> str:
    if len(key.encode()) > MAX_KEY_BYTES:
        raise GraphError(
            f"the key {key[:40]!r}... has more than {MAX_KEY_BYTES} bytes, which the graph cannot"
            " index: shorten the id or the concept in the archive or the extractor"
        )
    return key
