import json

import pytest

from radkg.gold.annotated import cut_reading, is_kept_out, read_annotated_reports
from radkg.interchange.radgraph_style import (
    KEPT_OUT,
    README,
    TRAIN,
    TWO_ANNOTATORS,
    write_radgraph_style,
)
from radkg.schema.linearize import Reading
from radkg.schema.radgraph import from_document
from radkg.train.radgraph import read_radgraph_sentences


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("style") / "written"
    write_radgraph_style(folder)
    return folder


def read(folder, name):
    return json.loads((folder / name).read_text())


def list_reading(document):
    """Return spans and links as any reader of RadGraph JSON has them, but for characters."""
    row = from_document("d", document).extraction
    return Reading(
        tuple((e.start, e.end, e.label) for e in row.entities),
        tuple((r.head, r.tail, r.relation) for r in row.relations),
    )


def test_every_report_comes_back_with_its_layout_and_its_labels(folder):
    files = {True: read(folder, KEPT_OUT), False: read(folder, TRAIN)}
    assert sum(map(len, files.values())) == len(read_annotated_reports())
    for report in read_annotated_reports():
        document = files[is_kept_out(report.text)][report.text_id]
        assert from_document("d", document).report == report.text
        reading = list_reading(document)
        assert (reading.spans, sorted(reading.links)) == (report.spans, sorted(report.links))
        assert document["sentences"] == [list(place) for place in report.sentences]
        assert document["style"] == report.style


def test_indices_count_tokens_as_radgraph_counts_them(folder):
    """Jain et al. 2021: `text` split at blanks, `end_ix` inclusive."""
    for name in (KEPT_OUT, TRAIN):
        for document in read(folder, name).values():
            tokens = document["text"].split()
            for entity in document["entities"].values():
                words = tokens[entity["start_ix"] : entity["end_ix"] + 1]
                assert " ".join(words) == entity["tokens"]


def test_the_sentences_of_two_annotators_are_as_each_marked_them(folder):
    documents = read(folder, TWO_ANNOTATORS)
    doubles = {
        f"{report.text_id}:{second.start}": (report, second)
        for report in read_annotated_reports()
        for second in report.second
    }
    assert set(documents) == set(doubles)
    for key, document in documents.items():
        report, second = doubles[key]
        for labeler, of in (("labeler_1", report), ("labeler_2", second)):
            expected = cut_reading(of.spans, of.links, second.start, second.end)
            reading = list_reading({**document, **document[labeler]})
            assert reading.spans == expected.spans
            assert sorted(reading.links) == sorted(expected.links)


def test_a_cut_leaves_out_what_stands_outside():
    spans = ((0, 5, "OBS-DP"), (6, 10, "OBS-DP"), (20, 25, "ANAT-DP"))
    links = ((0, 1, "modify"), (1, 2, "located_at"))
    cut = cut_reading(spans, links, 6, 25)
    assert cut == Reading(((0, 4, "OBS-DP"), (14, 19, "ANAT-DP")), ((0, 1, "located_at"),))


def test_twice_gives_equal_bytes(folder, tmp_path):
    report = write_radgraph_style(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {p.name for p in folder.iterdir()}
    for path in folder.iterdir():
        assert path.read_bytes() == (tmp_path / path.name).read_bytes()
    readme = (folder / README).read_text()
    for count in (report.train, report.kept_out, report.two_annotators):
        assert f"| {count} " in readme
    assert "not human" in readme
    assert "## Licence" in readme


def test_training_reads_the_file(folder):
    sentences = read_radgraph_sentences(folder / TRAIN)
    texts = "\n".join(r.text for r in read_annotated_reports() if not is_kept_out(r.text))
    assert sentences
    assert all(sentence.sentence in texts for sentence in sentences[:50])
