"""Graph, FHIR, OMOP and the comparison of snapshots say the same of every finding of Open-i."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from radkg.archive import open_archive
from radkg.extractor import load_extractor
from radkg.graph.rows.nested import FINDING_PROPERTIES, batch_rows
from radkg.interchange.fhir import encode_bundles
from radkg.interchange.omop import write_omop
from radkg.run.diff import compare_snapshots
from radkg.run.snapshot import Snapshot, publish
from radkg.schema.arrow import to_table
from radkg.schema.mentions import STATES
from radkg.schema.records import Study
from tests.interchange.published import publish_rows
from tests.interchange.test_graphs import read
from tests.support.runs.findings import describe_findings, select_own_mentions

BATCH_SIZE = 200


class Published(NamedTuple):
    """Open-i as the rules read it, and the same studies with nothing in them."""

    snapshot: Snapshot
    emptied: Snapshot
    rows: list[dict[str, Any]]
    """of the snapshot"""
    findings: dict[tuple[str, str], dict[str, Any]]
    """by study_id and name, as they are defined"""


@pytest.fixture(scope="module")
def openi(tmp_path_factory: pytest.TempPathFactory) -> Published:
    """All of Open-i, published."""
    archive, extract = open_archive("openi"), load_extractor("rules")
    studies = [s for s in archive.read(archive.index().to_pylist()) if isinstance(s, Study)]
    extractions = [
        extraction
        for at in range(0, len(studies), BATCH_SIZE)
        for extraction in extract(studies[at : at + BATCH_SIZE])
    ]
    extractions.sort(key=lambda extraction: extraction.study_id)
    snapshot = publish_rows(tmp_path_factory.mktemp("openi"), extractions)
    empty = [
        dataclasses.replace(each, status="empty", entities=(), relations=()) for each in extractions
    ]
    rows = [row for table in snapshot.read_tables() for row in table.to_pylist()]
    findings = {
        (row["study_id"], found["name"]): found for row in rows for found in describe_findings(row)
    }
    assert len(rows) == 3955
    assert len(findings) > 25_000
    return Published(snapshot, publish(snapshot.storage, to_table(empty)), rows, findings)


def select(found: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: found.get(name) for name in names}


def test_the_graph_is_given_what_is_defined(openi: Published) -> None:
    columns = ("concept", *FINDING_PROPERTIES)
    in_graph = {
        (row["study"]["study_id"], found["concept"].removeprefix("observation:")): found
        for batch in batch_rows(openi.snapshot.read_tables())
        for row in batch
        for found in row["findings"]
    }
    expected = {
        key: {name: found[name] for name in columns if name in found}
        for key, found in openi.findings.items()
    }
    assert in_graph == expected


def test_fhir_gives_labels_modifiers_and_places(openi: Published) -> None:
    found = {}
    for row, line in zip(openi.rows, encode_bundles(openi.snapshot), strict=True):
        for entry in json.loads(line)["entry"]:
            resource = entry["resource"]
            if resource["resourceType"] == "Observation":
                names = [part["valueString"] for part in resource["component"][:-1]]
                found[row["study_id"], resource["code"]["text"]] = {
                    "label": resource["valueCodeableConcept"]["coding"][0]["code"],
                    "modifiers": names or None,
                    "places": resource.get("bodySite", {"text": None})["text"],
                }
    expected = {
        key: select(each, ("label", "modifiers"))
        | {"places": "; ".join(each["places"]) if "places" in each else None}
        for key, each in openi.findings.items()
    }
    assert found == expected


def test_omop_gives_labels_modifiers_and_places(openi: Published, tmp_path: Path) -> None:
    """Of a finding: what NOTE_NLP says of the mentions that have its label, taken together."""
    write_omop(openi.snapshot, tmp_path, "parquet")
    terms = iter(read(tmp_path / "note_nlp.parquet").to_pylist())
    found = {}
    for row in openi.rows:
        of_study = [next(terms) for _ in row["entities"]]
        for name, indices in select_own_mentions(row).items():
            pairs = {
                tuple(pair.split("="))
                for index in indices
                for pair in of_study[index]["term_modifiers"].split(",")
            }
            (certainty,) = {value for kind, value in pairs if kind == "certainty"}
            assert {of_study[index]["lexical_variant"] for index in indices} == {name}
            found[row["study_id"], name] = {
                "certainty": certainty,
                "modifiers": sorted(value for kind, value in pairs if kind == "modifier"),
                "places": sorted(value for kind, value in pairs if kind == "location"),
            }
    assert next(terms, None) is None
    expected = {
        key: {
            "certainty": STATES[each["label"]],
            "modifiers": each.get("modifiers", []),
            "places": each.get("places", []),
        }
        for key, each in openi.findings.items()
    }
    assert found == expected


def test_the_comparison_of_snapshots_sees_the_same_labels(openi: Published) -> None:
    changes = compare_snapshots(
        openi.snapshot, openi.emptied, num_evidence=len(openi.rows)
    ).findings
    found = {
        (evidence.study_id, change.finding): evidence.before
        for change in changes
        for evidence in change.evidence
    }
    entities = {row["study_id"]: row["entities"] for row in openi.rows}
    assert {key: dataclasses.asdict(entity) for key, entity in found.items() if entity} == {
        (study_id, name): entities[study_id][each["strongest"]]
        for (study_id, name), each in openi.findings.items()
    }
