"""Target `radgraph`: a tiny gold in RadGraph's form, whose figures are counted by hand."""

import json
from dataclasses import dataclass, replace

import pytest
from typer.testing import CliRunner

from radkg.cli.app import app
from radkg.errors import ConfigError, SchemaError
from radkg.evaluation.copying import extract_all
from radkg.evaluation.radgraph import evaluate_radgraph, read_studies
from radkg.evaluation.radgraph_gold import GOLDS, read_gold
from radkg.evaluation.radgraph_table import make_radgraph_table
from radkg.extractor.sentencewise import make_extraction
from radkg.metrics.radgraph_f1 import to_graph
from radkg.rules import RulesExtractor
from radkg.schema.records import Entity, Relation
from tests.evaluation.radgraph_documents import FIRST, SECOND, make_documents, write


@dataclass
class Reader:
    """Marks in a text what it was told of that text: (words, label, confidence), then links."""

    answers: dict
    name: str = "reader"
    model_id: str = "reader-1"
    condition: str = "report"

    def __call__(self, studies):
        return [self.read(study) for study in studies]

    def read(self, study):
        marks, links = self.answers[study.report]
        entities = []
        for words, label, confidence in marks:
            start = study.report.index(words)
            end = start + len(words)
            entities.append(Entity(words, label, words, start, end, None, "report", confidence))
        return make_extraction(
            self,
            study,
            tuple(entities),
            tuple(Relation(*link) for link in links),
        )


ANSWERS = {
    FIRST: (
        [("effusion", "OBS-DP", 0.9), ("Small", "OBS-DP", 0.8), ("left nodule", "OBS-DP", 0.6)],
        [(1, 2, "modify", 0.7)],
    ),
    SECOND: ([("pneumonia", "OBS-U", 0.9)], []),
}


@pytest.fixture
def report(tmp_path):
    return evaluate_radgraph([write(tmp_path / "gold.json", make_documents())], Reader(ANSWERS))


def shorten(scores):
    return tuple(scores[name] for name in ("gold", "found", "precision", "recall", "f1"))


def test_entities_and_relations_are_as_counted_by_hand(report):
    # equal: Small, pneumonia; the nodule meets "left nodule"; the effusion has the wrong polarity
    assert shorten(report["entities"]["exact"]) == (5, 4, 0.5, 0.4, round(4 / 9, 4))
    assert shorten(report["entities"]["overlapping"]) == (5, 4, 0.75, 0.6, round(6 / 9, 4))
    # small modifies the nodule, whose span is too long; nothing is located
    assert shorten(report["relations"]["exact"]) == (2, 1, 0, 0, 0)
    assert shorten(report["relations"]["strict"]) == (2, 1, 0, 0, 0)
    assert shorten(report["relations"]["overlapping"]) == (2, 1, 1, 0.5, round(2 / 3, 4))


def test_the_interval_goes_from_the_worse_text_twice_to_the_better_one_twice(report):
    # a quarter of the draws of two texts takes one text twice
    assert report["entities"]["exact"]["f1_interval_95"] == [round(2 / 7, 4), 1]


def test_labels_types_and_styles_are_as_counted_by_hand(report):
    assert shorten(report["per_label"]["OBS-DP"]["exact"])[:2] == (2, 3)
    assert report["per_label"]["OBS-DP"]["exact"]["f1"] == 0.4
    assert report["per_label"]["OBS-U"]["exact"]["f1"] == 1
    assert report["per_label"]["ANAT-DP"]["exact"]["recall"] == 0
    assert report["per_relation"]["modify"]["overlapping"]["f1"] == 1
    assert report["per_relation"]["located_at"]["overlapping"]["f1"] == 0
    styles = report["per_style"]
    assert list(styles) == ["CheXpert", "MIMIC-CXR"]
    assert styles["MIMIC-CXR"]["entities"]["f1"] == round(2 / 7, 4)
    assert styles["CheXpert"]["entities"]["f1"] == 1


def test_polarity_is_judged_on_equal_spans(report):
    polarity = report["polarity"]
    assert (polarity["rate"], polarity["of"]) == (round(2 / 3, 4), 3)
    assert polarity["table"]["OBS-DA"]["OBS-DP"] == 1
    assert polarity["table"]["OBS-U"]["OBS-U"] == 1
    assert sum(n for row in polarity["table"].values() for n in row.values()) == 3


def test_the_calibration_error_is_as_counted_by_hand(report):
    # .9 twice, half right; .8 right; .6 wrong: (2 * .4 + .2 + .6) / 4
    entities, relations = (report["calibration"][name] for name in ("entities", "relations"))
    assert (entities["of"], entities["expected_calibration_error"]) == (4, 0.4)
    assert (relations["of"], relations["expected_calibration_error"]) == (1, 0.7)
    # the first text alone: .9 wrong, .8 right, .6 wrong; the second alone: .9 right
    assert entities["interval_95"] == [0.1, round((0.9 + 0.2 + 0.6) / 3, 4)]


def test_a_second_file_is_the_ceiling(tmp_path):
    other = make_documents()
    del other["p1.txt"]["entities"]["4"]
    other["p1.txt"]["entities"]["2"]["relations"] = []
    files = [write(tmp_path / "a.json", make_documents()), write(tmp_path / "b.json", other)]
    ceiling = evaluate_radgraph(files, Reader(ANSWERS))["ceiling"]
    assert (ceiling["of"], ceiling["are"]) == (2, "texts")
    assert shorten(ceiling["entities"]["exact"]) == (5, 4, 1, 0.8, round(8 / 9, 4))
    assert shorten(ceiling["relations"]["exact"]) == (2, 0, 0, 0, 0)
    other["p1.txt"]["text"] = other["p2.txt"]["text"] = "Another text ."
    for document in other.values():
        document["entities"] = {}
    with pytest.raises(SchemaError, match="have no text in common"):
        evaluate_radgraph([files[0], write(tmp_path / "c.json", other)], Reader(ANSWERS))


def test_two_labelers_of_one_file_are_two_annotators(tmp_path):
    """The layout of RadGraph's test split."""
    documents = make_documents()
    for document in documents.values():
        entities = document.pop("entities")
        document["labeler_1"], document["labeler_2"] = {"entities": entities}, {"entities": {}}
    report = evaluate_radgraph([write(tmp_path / "test.json", documents)], Reader(ANSWERS))
    assert report["entities"]["exact"]["f1"] == round(4 / 9, 4)
    assert shorten(report["ceiling"]["entities"]["exact"]) == (5, 0, 0, 0, 0)


def test_a_text_that_fails_counts_as_read_without_finding_anything(tmp_path):
    file = write(tmp_path / "gold.json", make_documents())
    report = evaluate_radgraph([file], Reader({SECOND: ANSWERS[SECOND]}))
    assert (report["failed"], list(report["reasons"])) == (1, ["p1.txt"])
    assert shorten(report["entities"]["exact"]) == (5, 1, 1, 0.2, round(2 / 6, 4))
    assert any(note.startswith("failed: 1 texts") for note in make_radgraph_table(report)[2])


def test_a_note_of_what_was_not_read_is_no_failure(tmp_path):
    text = "INDICATION: Cough and fever for more than a week.\nFINDINGS: Effusion."
    line = {"id": "t", "text": text, "entities": [], "relations": [], "sentences": []}
    file = tmp_path / "gold.jsonl"
    file.write_text(json.dumps(line) + "\n")
    (row,) = extract_all(RulesExtractor(), read_studies(read_gold([str(file)])))
    assert (row.status, row.reason is None) == ("ok", False)
    report = evaluate_radgraph([str(file)], "rules")
    assert (report["failed"], report["reasons"]) == (0, {})


def test_gold_outside_of_what_is_read_is_missed(tmp_path):
    """The rules read findings; the gold marks a word of the technique."""
    text = "TECHNIQUE: Effusion protocol.\nFINDINGS: Effusion."
    line = {"id": "t", "text": text, "relations": [], "sentences": [[0, len(text)]]}
    places = [text.index("Effusion"), text.rindex("Effusion")]
    line["entities"] = [[start, start + len("Effusion"), "OBS-DP"] for start in places]
    file = tmp_path / "gold.jsonl"
    file.write_text(json.dumps(line) + "\n")
    report = evaluate_radgraph([str(file)], "rules")
    assert shorten(report["entities"]["exact"])[:4] == (2, 1, 1, 0.5)
    assert report["floors"] == {}


@pytest.mark.parametrize("name", GOLDS)
def test_the_gold_read_by_its_own_labels_is_right_in_everything(name):
    gold = read_gold([name])
    by_text = {each.text: each for each in gold.texts}

    class Oracle(Reader):
        def read(self, study):
            spans = [(m.start, m.end, m.label) for m in by_text[study.report].graph.entities]
            return make_extraction(
                self,
                study,
                tuple(Entity(study.report[a:b], n, "c", a, b, None) for a, b, n in spans),
                tuple(Relation(*link) for link in by_text[study.report].graph.relations),
            )

    class Mistaken(Oracle):
        """Gives the label of each entity to the next one."""

        def read(self, study):
            row = super().read(study)
            labels = [e.label for e in row.entities]
            pairs = zip(row.entities, labels[1:] + labels[:1], strict=True)
            return replace(row, entities=tuple(replace(e, label=label) for e, label in pairs))

    report, mistaken = (evaluate_radgraph([name], reader({})) for reader in (Oracle, Mistaken))
    for part in ("entities", "relations"):
        assert all(scores["f1"] == 1 for scores in report[part].values())
        assert all(scores["f1_interval_95"] == [1, 1] for scores in report[part].values())
    assert report["polarity"]["rate"] == 1
    assert report["calibration"]["entities"]["expected_calibration_error"] == 0
    assert mistaken["entities"]["exact"]["f1"] < 0.6
    assert mistaken["relations"]["strict"]["f1"] < mistaken["relations"]["exact"]["f1"] == 1
    assert report["entities"]["exact"]["f1"] > report["ceiling"]["entities"]["exact"]["f1"] > 0.9


def invoke(*arguments):
    return CliRunner().invoke(app, ["evaluate", "--target", "radgraph", *arguments])


def test_the_command_prints_a_table_json_and_a_plot(tmp_path):
    file = write(tmp_path / "gold.json", make_documents())
    plot = tmp_path / "plot.png"
    chosen = ("--gold", file, "--extractor", "rules")
    printed = json.loads(invoke(*chosen, "--json", "--reliability", str(plot)).stdout)
    assert printed == json.loads(json.dumps(evaluate_radgraph([file], "rules")))
    assert plot.read_bytes().startswith(b"\x89PNG")
    text = invoke(*chosen).stdout
    for scores in (printed["entities"]["exact"], printed["relations"]["exact"]):
        assert f"{scores['f1']:.3f}".removeprefix("0") in text
    assert "MIMIC-CXR, 1: entities" in text


def test_options_of_another_target_are_refused(tmp_path):
    done = invoke("--images", str(tmp_path))
    assert isinstance(done.exception, ConfigError)
    assert "--images is for --target copy, codes or report, not for --target radgraph" in str(
        done.exception
    )
    other = CliRunner().invoke(app, ["evaluate", "--gold", "x"])
    assert "--gold is for --target radgraph" in str(other.exception)
    image = invoke("--condition", "image")
    assert "has no images" in str(image.exception)


def test_the_reader_of_this_file_is_read_as_it_marks(tmp_path):
    """What the figures above are counted from."""
    gold = read_gold([write(tmp_path / "gold.json", make_documents())])
    rows = Reader(ANSWERS)(read_studies(gold))
    spans = [FIRST[m.start : m.end] for m in to_graph(rows[0]).entities]
    assert spans == ["effusion", "Small", "left nodule"]
