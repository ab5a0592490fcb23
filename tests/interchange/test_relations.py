"""Tables of relations: the real one, what is wrong with others, and the verb."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from radkg.cli.app import app
from radkg.errors import ConfigError, SchemaError, StorageError
from radkg.interchange.relations import read_relations
from radkg.run.audit import AuditLog
from radkg.schema.known import KnownRelation, Term
from radkg.storage import open_storage
from tests.support.archives.data import require_data

HEAD = "source_index,target_index,source_entity,target_entity,type,count\n"
ROW = "C1,C2,Effusion,pleural  space,located_at,7\n"


def test_the_published_table_is_read_whole() -> None:
    known = read_relations(require_data("kg/M3KG_kg_relations.csv"))
    assert len(known) == len(set(known)) == 37_424
    terms = {term for each in known for term in (each.head, each.tail)}
    assert len(terms) == 3068
    codes = [term.code for term in terms]
    assert sum(codes.count(code) > 1 for code in set(codes)) == 470
    best = KnownRelation(
        Term("C0013687", "effusion"), "located_at", Term("C0032225", "pleural"), 36_265
    )
    assert max(known, key=lambda each: each.count) == best


def test_names_are_spelt_as_concepts_are(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("\ufeffnotes," + HEAD + "\nx," + ROW, "utf-8")
    found = [KnownRelation(Term("C1", "effusion"), "located_at", Term("C2", "pleural space"), 7)]
    assert read_relations(file) == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "needs a header with the columns source_index,"),
        ("source_index,target_index,source_entity\n", "columns target_entity,type,count"),
        (HEAD, "holds no relation"),
        (HEAD + ROW + "C1,C2,a,b,modify\n", "line 3: 5 values, the header has 6"),
        (HEAD + 'C1,C2,"a"b,c,modify,1\n', "line 2: no CSV"),
        (HEAD + ROW + 'C1,C2,"a,c,modify,1\n' + ROW, "line 4: no CSV: unexpected end"),
        (HEAD + ROW + "C1,,a,b,modify,1\n", "line 3: target_index is empty: give the name"),
        (HEAD + "C1,C2, ,b,modify,1\n", "line 2: source_entity is empty"),
        (HEAD + "C1,C2,a,b,modify,0\n", "line 2: count '0' is not a whole number from 1"),
        (HEAD + "C1,C2,a,b,modify,many\n", "line 2: count 'many' is not a whole number"),
        (HEAD + f"C1,C2,a,b,modify,{2**53 + 1}\n", "is not a whole number from 1"),
        (HEAD + f"C1,C2,{'a' * 1001},b,modify,1\n", "line 2: source_entity 'aaa"),
        (HEAD + "C1,C2,a\0,b,modify,1\n", "a character that cannot be printed"),
        (HEAD + ROW + ROW.lower().replace("c", "C", 2), "line 3: effusion located_at"),
    ],
)
def test_what_is_wrong_with_a_table_is_said_with_its_line(
    tmp_path: Path, text: str, message: str
) -> None:
    file = tmp_path / "t.csv"
    file.write_text(text, "utf-8")
    with pytest.raises(SchemaError, match=message):
        read_relations(file)


def test_a_table_in_another_encoding_or_none(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes((HEAD + ROW + "C1,C2,œdème,b,modify,1\n").encode("cp1252"))
    with pytest.raises(SchemaError, match="line 3: not UTF-8"):
        read_relations(file)
    with pytest.raises(StorageError, match="No such file"):
        read_relations(tmp_path / "gone.csv")


def test_the_verb(tmp_path: Path) -> None:
    def run(*arguments: str) -> str:
        done = CliRunner().invoke(app, arguments, catch_exceptions=False)
        assert done.exit_code == 0
        return done.stdout

    file, out = tmp_path / "chest.csv", tmp_path / "out"
    file.write_text(HEAD + ROW)
    (out / "graph").mkdir(parents=True)
    table = ("import", str(file), "--format", "relations", "--out", str(out), "--json")
    report = json.loads(run(*table))
    assert {"table": "chest", "terms": 2, "relations": 1, "written": 1}.items() <= report.items()
    answer = run("query", "known_of", "--out", str(out), "--csv")
    assert answer.splitlines()[1] == "chest,effusion,located_at,pleural space,7,C1,C2"
    assert json.loads(run(*table, "--remove"))["removed"] == 2
    logged = [
        (line["verb"], line["table"]) for line in AuditLog(open_storage(str(out))).read_lines()
    ]
    assert logged == [("import", "chest")] * 2
    with pytest.raises(
        ConfigError, match="--remove is not for --format radgraph, but for relations"
    ):
        run("import", str(file), "--out", str(out), "--remove")
