import csv
import shutil

import pytest

from radkg.errors import SchemaError
from radkg.gold.codes import get_anatomies
from radkg.rules import lexicon as lexicon_module
from radkg.rules.lexicon import DATA, ENTITY_KINDS, Lexicon, load_lexicon
from radkg.schema.sentences import find_words


def found(sentence):
    items = load_lexicon().find(find_words(sentence))
    return [(item.kind, item.concept) for item in items if item.kind in ENTITY_KINDS]


@pytest.mark.parametrize(
    ("phrase", "kind", "concept"),
    [
        ("T-spine", "site", "thoracic vertebrae"),
        ("thoracic spine", "site", "thoracic vertebrae"),
        ("basilar", "site", "base"),
        ("lung bases", "site", "base"),
        ("costophrenic XXXX", "site", "costophrenic angle"),
        ("hemidiaphragms", "site", "diaphragm"),
        ("hila", "site", "hilum"),
        ("lingular", "site", "lingula"),
        ("descending thoracic aorta", "site", "thoracic aorta"),
        ("effusions", "finding", "effusion"),
        ("pneumothoraces", "finding", "pneumothorax"),
        ("opacities", "finding", "opacity"),
        ("scar", "finding", "scarring"),
        ("calcified granulomas", "finding", "calcified granuloma"),
        ("chronic obstructive pulmonary disease", "finding", "copd"),
        ("osteophytes", "finding", "osteophyte"),
        ("degenerative disc disease", "finding", "degenerative"),
        ("PICC line", "finding", "catheter"),
        ("nasogastric tube", "finding", "tube"),
        ("endotracheal tube", "finding", "tube"),
        ("pacemaker", "finding", "implanted device"),
        ("surgical clips", "finding", "surgical instruments"),
        ("sternotomy wires", "finding", "sternotomy"),
        ("hyperexpanded", "quality", "hyperdistention"),
        ("hyperinflation", "finding", "hyperdistention"),
        ("ectatic", "quality", "tortuous"),
        ("minimal", "modifier", "mild"),
        ("nodular", "modifier", "round"),
        ("unchanged", "modifier", "stable"),
        ("unremarkable", "normal", "normal"),
        ("bilaterally", "side", "bilateral"),
    ],
)
def test_names_are_the_coders_names(phrase, kind, concept):
    assert found(phrase) == [(kind, concept)]


def test_the_longest_phrase_wins():
    assert found("subcutaneous emphysema") == [("finding", "subcutaneous emphysema")]
    assert found("bullous emphysema") == [("finding", "bullous emphysema")]
    assert found("congestive heart failure") == [("finding", "heart failure")]


def test_one_word_can_name_two_things():
    assert found("bibasilar") == [("site", "base"), ("side", "bilateral")]
    assert found("levoscoliosis") == [("finding", "scoliosis"), ("side", "left")]


def test_what_only_looks_like_an_entity_is_skipped():
    assert found("PA and lateral chest radiographs") == []


def test_every_common_site_of_the_codes_has_a_word():
    rare = {
        "breast implants",
        "pleural sinus",
        "adipose tissue",
        "diaphragmatic",
        "aortic",
        "spinal",
    }
    adjectives = {"pulmonary", "pericardial", "pleura"}  # lung and pleural in an extraction
    assert get_anatomies() - rare - adjectives <= set(load_lexicon().kinds) | {"middle lobe"}


def test_the_lists_are_tidy():
    for path in sorted(DATA.glob("*.csv")):
        lines = [line for line in path.read_text("ascii").splitlines() if not line.startswith("#")]
        rows = list(csv.reader(lines))
        assert len({tuple(row) for row in rows}) == len(rows), path.name
        assert {len(row) for row in rows} == {len(rows[0])}, path.name
        assert all(cell == cell.strip().lower() for row in rows for cell in row), path.name


@pytest.mark.parametrize(
    ("name", "line", "message"),
    [
        ("lexicon.csv", "opacity,noun,opacity", "unknown kind 'noun'"),
        ("lexicon.csv", "opacity,quality,dense", "'opacity' is listed as"),
        ("cues.csv", "maybe,perhaps", "unknown cue 'perhaps'"),
        ("cues.csv", "opacity,stop", "'opacity' is listed as"),
    ],
)
def test_a_wrong_line_is_refused_by_name(tmp_path, monkeypatch, name, line, message):
    shutil.copytree(DATA, tmp_path / "data")
    with (tmp_path / "data" / name).open("a") as file:
        file.write(line + "\n")
    monkeypatch.setattr(lexicon_module, "DATA", tmp_path / "data")
    with pytest.raises(SchemaError, match=message):
        Lexicon()
