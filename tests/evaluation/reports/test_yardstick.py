import pytest

from radkg.errors import ConfigError, ExtractorError
from radkg.evaluation.reports.reading import TextReader, load_readers
from radkg.evaluation.reports.yardstick import Yardstick, compute_macro_f1
from radkg.rules import RulesExtractor
from tests.evaluation.reports.invented import NORMAL, NUM_TEST, SENTENCES


class Counting(RulesExtractor):
    """Reads as the rules do, and counts; it fails on one text."""

    seen = 0

    def __call__(self, studies):
        self.seen += len(studies)
        if any(study.report == "Unreadable." for study in studies):
            raise OSError("no such thing")
        return super().__call__(studies)


@pytest.fixture(scope="module")
def reader(report_set):
    return TextReader(Counting(), report_set.filing)


@pytest.fixture(scope="module")
def yardstick(report_set, reader):
    return Yardstick("whole", report_set, (reader,))


def test_the_truth_is_right(yardstick):
    found = yardstick.score_texts(yardstick.references)
    read = found["read_by"]["rules"]
    assert read["findings"]["f1"] == read["findings_macro_f1"] == read["labels_14"]["f1"] == 1
    assert read["rg_e"] == read["rg_er"] == 1
    assert read["false_on_normal"] == {"rate": 0, "of": 2, "interval_95": [0, 0]}
    assert found["words"]["bleu_4"] == found["words"]["rouge_l"] == 1
    assert found["words"]["cider"] == 10
    assert (found["distinct"], found["empty"]) == (NUM_TEST, 0)


def test_silence_is_right_about_normal_studies_alone(yardstick):
    found = yardstick.score_texts([""] * NUM_TEST)
    read = found["read_by"]["rules"]
    assert read["findings"] == {"precision": 0, "recall": 0, "f1": 0}
    assert read["false_on_normal"]["rate"] == read["rg_er"] == 0
    assert {found["words"][name] for name in ("bleu_1", "rouge_l", "cider")} == {0}
    assert (found["empty"], found["mean_length"], found["distinct"]) == (NUM_TEST, 0, 1)


def test_one_text_for_all_accuses_every_normal_study(yardstick):
    found = yardstick.score_texts([SENTENCES["effusion"]] * NUM_TEST)["read_by"]["rules"]
    assert found["false_on_normal"]["rate"] == 1
    assert found["findings"] == {"precision": 0.25, "recall": 0.3333, "f1": 0.2857}
    assert found["findings_macro_f1"] == pytest.approx(0.4 / 3, abs=1e-4)
    low, high = found["intervals_95"]["findings_f1"]
    assert low <= found["findings"]["f1"] <= high


def test_a_normal_text_accuses_none(yardstick):
    found = yardstick.score_texts([NORMAL] * NUM_TEST)["read_by"]["rules"]
    assert found["false_on_normal"]["rate"] == found["findings"]["f1"] == 0


def test_against_the_findings_a_removed_word_counts(report_set, reader):
    plain, marked = [NORMAL] * 6, [f"XXXX {NORMAL}"] * 6
    alone = Yardstick("findings", report_set, (reader,))
    whole = Yardstick("whole", report_set, (reader,))
    assert len(alone.references) == 6
    assert alone.score_texts(marked)["words"] != alone.score_texts(plain)["words"]
    less, more = (
        whole.score_texts([NORMAL] * NUM_TEST),
        whole.score_texts([f"XXXX {NORMAL}"] * NUM_TEST),
    )
    assert more["words"] == less["words"]
    assert (more["with_removed_word"], less["with_removed_word"]) == (NUM_TEST, 0)


def test_a_text_is_read_once_and_one_that_cannot_be_read_says_nothing(report_set):
    extractor = Counting()
    reader = TextReader(extractor, report_set.filing)
    assert reader.read([NORMAL, "", NORMAL]) == [*reader.read([NORMAL, ""]), *reader.read([NORMAL])]
    assert extractor.seen == 1
    (said,) = reader.read(["Unreadable."])
    assert not said.findings
    assert reader.failed == {"Unreadable."}


def test_macro_is_the_mean_of_the_names_that_the_gold_has():
    gold = [{"a"}, {"a", "b"}, set()]
    assert compute_macro_f1(gold, [{"a"}, {"a"}, {"c"}]) == 0.5
    assert compute_macro_f1(gold, [{"a", "b"}, {"b"}, set()]) == pytest.approx(2 / 3)
    assert compute_macro_f1([set()], [{"c"}]) == 0


def test_readers_are_refused():
    assert [reader.name for reader in load_readers(["rules", "onepass"])] == ["rules", "onepass"]
    for names in ([], ["rules", "rules"]):
        with pytest.raises(ConfigError, match="at least one, each once"):
            load_readers(names)
    with pytest.raises(ExtractorError, match="nonesuch"):
        load_readers(["nonesuch"])
