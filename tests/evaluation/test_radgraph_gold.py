"""Gold of the target `radgraph`: files, what radkg carries, and the way of a text to a reader."""

import pytest

from radkg.archive import open_archive
from radkg.errors import ConfigError, SchemaError, StorageError
from radkg.evaluation.radgraph import read_studies
from radkg.evaluation.radgraph_gold import Gold, GoldText, make_graph, read_gold
from radkg.gold.annotated import ANNOTATIONS, is_kept_out, read_annotated_reports
from radkg.interchange.radgraph_style import KEPT_OUT, TWO_ANNOTATORS, write_radgraph_style
from tests.evaluation.radgraph_documents import make_documents, write


def test_what_radkg_data_writes_gives_the_same_gold(tmp_path):
    write_radgraph_style(tmp_path)
    packaged = read_gold(["radgraph-style"])
    written = read_gold([str(tmp_path / KEPT_OUT)])
    lines = read_gold([str(ANNOTATIONS / "reports.jsonl")])
    kept = tuple(text for text in lines.texts if is_kept_out(text.text))
    for gold in (written.texts, kept):
        assert [(t.text_id, t.style, t.text) for t in gold] == [
            (t.text_id, t.style, t.text) for t in packaged.texts
        ]
        for one, other in zip(gold, packaged.texts, strict=True):
            assert one.graph.entities == other.graph.entities
            assert sorted(one.graph.relations) == sorted(other.graph.relations)
    doubles = read_gold([str(tmp_path / TWO_ANNOTATORS)]).doubles
    assert len(doubles) == len(packaged.doubles) == len(lines.doubles) > 100


def test_texts_go_through_the_door_of_extract(tmp_path):
    """The same sections as from a folder of .txt files."""
    texts = [r.text for r in read_annotated_reports() if "\r" not in r.text][:80]
    for i, text in enumerate(texts):
        (tmp_path / f"{i:03}.txt").write_bytes(text.encode())
    archive = open_archive(str(tmp_path))
    expected = list(archive.read(archive.index().to_pylist()))
    golds = tuple(
        GoldText(str(i), None, text, make_graph(text, (), ())) for i, text in enumerate(texts)
    )
    found = read_studies(Gold("g", golds, False, (), ""))
    assert [(s.report, s.sections) for s in found] == [(s.report, s.sections) for s in expected]
    assert {section.name for study in found for section in study.sections} > {"findings"}


def test_a_sentence_is_read_alone():
    gold = read_gold(["openi-sentences"])
    study = read_studies(gold)[0]
    assert study.report == gold.texts[0].text
    assert [(s.name, s.start, s.end) for s in study.sections] == [
        ("findings", 0, len(study.report))
    ]


@pytest.mark.parametrize(
    ("names", "error", "says"),
    [
        ([], ConfigError, "give radgraph-style or openi-sentences"),
        (["radgraph-style", "openi-sentences"], ConfigError, "two files of the same texts"),
        (["/no/such.json"], StorageError, "cannot read --gold"),
        (["/no/such.jsonl"], StorageError, "cannot read"),
    ],
)
def test_a_gold_that_is_none_is_refused(names, error, says):
    with pytest.raises(error, match=says):
        read_gold(names)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.json", "{}", "holds no document"),
        ("a.json", '{"d": {"text": "x"}}', "has no entities"),
        ("a.json", '{"d": 1}', "is no object"),
        ("a.json", "[1]", "not RadGraph JSON"),
        ("a.jsonl", "", "holds no annotated text"),
        ("a.jsonl", '{"id": "t"}', "line 1 is no annotated text"),
        (
            "a.jsonl",
            '{"id": "t", "text": "x", "entities": [[0, 9, "OBS-DP"]], "relations": []}',
            "is no entity of the text",
        ),
        (
            "a.jsonl",
            '{"id": "t", "text": "x", "entities": [], "relations": [[0, "modify", 1]]}',
            "joins no two entities",
        ),
    ],
)
def test_a_file_that_is_no_gold_is_refused(tmp_path, name, content, says):
    (tmp_path / name).write_text(content)
    with pytest.raises(SchemaError, match=says):
        read_gold([str(tmp_path / name)])


def test_a_list_of_documents_is_read_as_radgraph_xl_has_it(tmp_path):
    documents = [{key: value} for key, value in make_documents().items()]
    assert len(read_gold([write(tmp_path / "xl.json", documents)]).texts) == 2
    with pytest.raises(SchemaError, match="stands twice"):
        read_gold([write(tmp_path / "twice.json", [documents[0], documents[0]])])
