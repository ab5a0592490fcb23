"""NOTE_NLP against the published field table of the CDM 5.4, and against the snapshot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from radkg.errors import SchemaError, StorageError
from radkg.interchange.ids import read_ids
from radkg.interchange.omop import Site, write_omop
from radkg.interchange.published import ReportReader, read_batches
from radkg.run.snapshot import read_snapshot
from radkg.schema.records import Entity, Relation
from radkg.storage import open_storage
from tests.interchange.published import publish_rows, rows
from tests.interchange.test_graphs import FILE_TYPES, read
from tests.support.runs.demo_run import DemoRun
from tests.support.runs.rows import row

CDM_54 = """
note_nlp_id integer required
note_id integer required
section_concept_id integer
snippet varchar(250)
offset varchar(50)
lexical_variant varchar(250) required
note_nlp_concept_id integer
note_nlp_source_concept_id integer
nlp_system varchar(250)
nlp_date date required
nlp_datetime datetime
term_exists varchar(1)
term_temporal varchar(50)
term_modifiers varchar(2000)
"""
TYPES = {"integer": pa.int32(), "date": pa.date32(), "datetime": pa.timestamp("s")}


def assert_cdm(table: pa.Table) -> None:
    """Compare names, order, types, widths and what is required."""
    fields = [line.split() for line in CDM_54.split("\n") if line]
    assert table.schema.names == [name for name, *_ in fields]
    for name, kind, *required in fields:
        column = table[name]
        if kind.startswith("varchar"):
            longest = pc.max(pc.utf8_length(column.cast(pa.string()))).as_py() or 0
            assert longest <= int(kind[8:-1]), name
        else:
            assert column.cast(TYPES[kind]).null_count == column.null_count, name
        assert not (required and column.null_count), name
    assert len(pc.unique(table["note_nlp_id"])) == table.num_rows


@pytest.mark.ray
@pytest.mark.parametrize("file_type", FILE_TYPES)
def test_the_demo_makes_a_valid_table_that_holds_every_mention(
    demo_run: DemoRun, tmp_path: Path, file_type: Any
):
    storage = open_storage(str(demo_run.out))
    snapshot = read_snapshot(storage)
    write_omop(snapshot, tmp_path, file_type, reports=ReportReader(storage))
    table = read(tmp_path / f"note_nlp.{file_type}")
    assert_cdm(table)
    notes = read(tmp_path / f"notes.{file_type}").to_pylist()
    studies = {note["note_id"]: note["note_source_value"] for note in notes}
    assert len(studies) == snapshot.num_studies
    signs = {"OBS-DA": "absent", "OBS-U": "uncertain"}
    expected = []
    for batch in read_batches(snapshot):
        for study in batch.to_pylist():
            for entity in study["entities"]:
                certainty = signs.get(entity["label"], "present")
                exists = "Y" if certainty == "present" else "N"
                where = (study["study_id"], entity["start"], entity["text"])
                expected.append((*where, exists, certainty))
    found = [
        (
            studies[term["note_id"]],
            int(term["offset"]),
            term["lexical_variant"],
            term["term_exists"],
            term["term_modifiers"].split(",")[0].removeprefix("certainty="),
        )
        for term in table.to_pylist()
    ]
    assert found == expected
    assert all(term["lexical_variant"] in term["snippet"] for term in table.to_pylist())


def test_without_text_no_word_of_a_report_is_in_it(tmp_path: Path):
    words = Entity("Secret words", "OBS-DP", "effusion", 0, 12, "findings")
    snapshot = publish_rows(tmp_path, [row("s1", entities=(words,), relations=())])
    write_omop(snapshot, tmp_path / "csv", "csv")
    assert "Secret" not in (tmp_path / "csv/note_nlp.csv").read_text()
    (term,) = read(tmp_path / "csv/note_nlp.csv").to_pylist()
    assert (term["lexical_variant"], term["snippet"]) == ("effusion", None)


def test_a_site_names_concepts_sections_and_notes(tmp_path: Path):
    snapshot = publish_rows(tmp_path, rows())
    (tmp_path / "concepts.csv").write_text("name,concept_id\neffusion,254061\nsection:findings,7\n")
    (tmp_path / "notes.csv").write_text(
        "study_id,note_id\n" + "".join(f"s{i},{900 + i}\n" for i in range(1, 6))
    )
    concepts = read_ids(tmp_path / "concepts.csv", "name", "concept_id")
    notes = read_ids(tmp_path / "notes.csv", "study_id", "note_id")
    write_omop(snapshot, tmp_path / "o", "parquet", Site(concepts=concepts, notes=notes))
    terms = read(tmp_path / "o/note_nlp.parquet").to_pylist()
    by_name = {term["lexical_variant"]: term for term in terms if term["note_id"] == 901}
    ids = {name: term["note_nlp_concept_id"] for name, term in by_name.items()}
    assert ids == {"small": 0, "left": 0, "effusion": 254061, "pneumothorax": 0}
    assert by_name["effusion"]["section_concept_id"] == 7
    assert by_name["pneumothorax"]["section_concept_id"] == 0  # impression
    modifiers = by_name["effusion"]["term_modifiers"].split(",")
    assert {"certainty=present", "location=left", "modifier=small"} <= set(modifiers)
    second = [term for term in terms if term["note_id"] == 902]
    assert [t["term_exists"] for t in second if t["lexical_variant"] == "mass"] == ["N", "N"]
    assert second[-1]["offset"] is None  # from the image
    del notes["s5"]
    with pytest.raises(SchemaError, match="study s5 has no note_id"):
        write_omop(snapshot, tmp_path / "o", "parquet", Site(notes=notes))
    assert read(tmp_path / "o/note_nlp.parquet").to_pylist() == terms  # whole or not at all
    assert sorted(p.name for p in (tmp_path / "o").iterdir()) == [
        "note_nlp.parquet",
        "notes.parquet",
    ]


def test_many_long_modifiers_are_cut_between_pairs(tmp_path: Path):
    names = [f"{i:03}{'x' * 97}" for i in range(30)]
    entities = [
        Entity("a", "OBS-DP", name, i, i + 1, None) for i, name in enumerate([*names, "mass"])
    ]
    relations = tuple(Relation(i, 30, "modify") for i in range(30))
    study = row("s1", entities=tuple(entities), relations=relations)
    write_omop(publish_rows(tmp_path, [study]), tmp_path / "o", "parquet")
    table = read(tmp_path / "o/note_nlp.parquet")
    assert_cdm(table)
    pairs = table["term_modifiers"].to_pylist()[-1].split(",")
    assert pairs[3:] == [f"modifier={name}" for name in names[: len(pairs) - 3]]
    assert len(pairs) > 10


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,id\na,1\n", "needs a header"),
        ("name,concept_id\na,-1\n", "line 2: concept_id '-1'"),
        ("name,concept_id\na,2147483648\n", "not a whole number"),
        ("name,concept_id\na,1\na,2\n", "line 3: 'a' stands twice"),
        ("name,concept_id\na\n", "line 2: 1 values, the header has 2"),
        ('name,concept_id\n"a,1\n', "line 2: no CSV"),
    ],
)
def test_a_wrong_vocabulary_is_refused_with_its_line(tmp_path: Path, text: str, message: str):
    (tmp_path / "v.csv").write_text(text)
    with pytest.raises(SchemaError, match=message):
        read_ids(tmp_path / "v.csv", "name", "concept_id")
    with pytest.raises(StorageError, match=r"no\.csv"):
        read_ids(tmp_path / "no.csv", "name", "concept_id")
