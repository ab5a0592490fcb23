import hashlib
import json

import pytest

from radkg.errors import ArchiveError
from radkg.gold import annotated
from radkg.gold.annotated import (
    ANNOTATIONS,
    is_kept_out,
    read_annotated_reports,
    read_annotated_sentences,
)
from radkg.schema.records import LABELS, RELATIONS
from tests.support.annotations import STYLE_OF, write_annotations
from tests.support.archives.data import require_data


@pytest.fixture(params=["reports", "sentences"])
def texts(request):
    return read_annotated_reports() if request.param == "reports" else read_annotated_sentences()


def test_the_readme_counts_what_the_files_hold():
    reports, sentences = read_annotated_reports(), read_annotated_sentences()
    readme = (ANNOTATIONS / "README.md").read_text()
    for texts in (reports, sentences):
        assert f"{len(texts):,}" in readme
        assert f"{sum(len(t.spans) for t in texts):,} entities" in readme
        assert f"{sum(len(t.links) for t in texts):,} relations" in readme
    assert f"{sum(len(t.sentences) for t in reports):,} sentences" in readme
    kept = [sum(is_kept_out(t.text) for t in texts) for texts in (reports, sentences)]
    assert f"{kept[0]} reports, and {kept[1]} sentences" in " ".join(readme.split())
    doubly = [sum(len(t.second) for t in texts) for texts in (sentences, reports)]
    assert f"{doubly[0]} and {doubly[1]} of these sentences" in readme


def test_labels_stand_in_the_sentences_that_were_read(texts):
    assert len({t.text_id for t in texts}) == len({t.text for t in texts}) == len(texts)
    for text in texts:
        readings = [(text.spans, text.links, text.sentences)]
        readings += [(s.spans, s.links, [(s.start, s.end)]) for s in text.second]
        for spans, links, sentences in readings:
            for start, end, label in spans:
                assert label in LABELS
                assert any(a <= start < end <= b for a, b in sentences)
                assert text.text[start:end] == text.text[start:end].strip()
            assert len({span[:2] for span in spans}) == len(spans)
            for head, tail, relation in links:
                assert relation in RELATIONS
                assert head != tail
                assert {head, tail} <= set(range(len(spans)))


def test_a_tenth_of_the_texts_is_kept_out(texts):
    assert 0.08 < sum(is_kept_out(t.text) for t in texts) / len(texts) < 0.12


def test_the_text_alone_says_whether_it_is_kept_out():
    """By the definition that the readme gives: the last digit of the hash as a decimal number."""
    for n in range(50):
        text = f"Effusion of {n} mm."
        number = int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")
        assert is_kept_out(text) == (str(number)[-1] == "0")


def test_every_style_has_reports():
    assert {r.style for r in read_annotated_reports()} == set(STYLE_OF.values())


def test_the_package_holds_no_text_of_open_i():
    stored = (ANNOTATIONS / annotated.SENTENCES).read_text()
    rows = [json.loads(line) for line in stored.splitlines()]
    for row, sentence in zip(rows, read_annotated_sentences(), strict=True):
        assert "text" not in row
        assert sentence.text not in stored


def test_a_sentence_that_open_i_does_not_hold_is_an_error(monkeypatch, tmp_path):
    with (ANNOTATIONS / annotated.SENTENCES).open() as lines:
        row = json.loads(next(lines))
    row["start"] += 1
    (tmp_path / annotated.SENTENCES).write_text(json.dumps(row))
    monkeypatch.setattr(annotated, "ANNOTATIONS", tmp_path)
    with pytest.raises(ArchiveError, match=f"sentence {row['id']} is not at"):
        read_annotated_sentences.__wrapped__()


def test_the_files_are_what_the_script_writes(tmp_path):
    write_annotations(require_data("radgraph_style"), tmp_path)
    for file in tmp_path.iterdir():
        assert file.read_bytes() == (ANNOTATIONS / file.name).read_bytes()
