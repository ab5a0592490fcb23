from hypothesis import given
from hypothesis import strategies as st

from radkg.evaluation.reports.constant import find_best_constant
from radkg.evaluation.reports.floors import FLOORS, shuffle_texts, write_floors
from radkg.evaluation.reports.looks import compute_looks
from radkg.evaluation.reports.studies import make_reference
from radkg.metrics.text import compute_bleu
from tests.evaluation.coded_archive import KINDS
from tests.evaluation.reports.invented import NUM_TEST

TOKENS = st.lists(st.sampled_from(["no", "effusion", "clear", "."]), min_size=1, max_size=9)


@given(st.lists(TOKENS, min_size=1, max_size=6))
def test_the_constant_is_the_best_of_all(references: list[list[str]]):
    scores = [compute_bleu(references, [one] * len(references))[3] for one in references]
    assert scores[find_best_constant(references)] == max(scores)


@given(st.integers(2, 40))
def test_no_exchanged_text_keeps_its_place(count: int):
    exchanged = shuffle_texts(range(count))
    assert sorted(exchanged) == list(range(count))
    assert all(here != text for here, text in enumerate(exchanged))
    assert exchanged == shuffle_texts(range(count))


def test_one_text_stays_where_it_is():
    assert shuffle_texts(["only"]) == ["only"]


def test_every_floor_gives_reports_of_training(report_set):
    looks = compute_looks(report_set)
    scored = range(NUM_TEST)
    found = write_floors(report_set, "whole", scored, looks)
    assert list(found) == list(FLOORS)
    training = {make_reference(study) for study in report_set.training.studies}
    for name, texts in found.items():
        assert len(texts) == NUM_TEST
        if name == "true_report":
            assert training.isdisjoint(texts)
        elif name == "predicted_codes":  # the images are no radiographs
            assert set(texts) <= training | {""}
        else:
            assert set(texts) <= training
    assert len(set(found["constant"])) == len(set(found["most_common"])) == 1
    kinds = [KINDS[i % len(KINDS)][0] for i in scored]
    for name in ("nearest_image", "oracle_codes"):
        assert all(t.startswith(kind) for t, kind in zip(found[name], kinds, strict=True))
    assert found == write_floors(report_set, "whole", scored, looks)


def test_floors_against_the_findings_give_findings(report_set):
    found = write_floors(report_set, "findings", range(6), None)
    assert set(FLOORS) - set(found) == {"nearest_image", "predicted_codes"}
    known = {make_reference(study, "findings") for study in report_set.training.studies}
    assert set(found["oracle_codes"]) <= known
