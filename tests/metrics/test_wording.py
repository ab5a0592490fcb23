import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radkg.metrics.cider import score_cider
from radkg.metrics.wording import has_removed_word, score_wording, split_report
from tests.metrics.coco_oracle import VALUES, make_pairs

REPORT = (
    "1. Heart size is normal. 2. XXXX lungs are clear (no focal, air-space disease).\nNo change"
)
TOKENS = st.lists(st.sampled_from(["no", "effusion", "clear", "lungs", "."]), max_size=8)
PAIRS = st.lists(st.tuples(TOKENS, TOKENS), min_size=1, max_size=5)


def test_bleu_rouge_and_cider_are_those_of_pycocoevalcap():
    known = json.loads(VALUES.read_text())
    references, hypotheses = zip(*make_pairs(), strict=True)
    found = score_wording([r.split() for r in references], [h.split() for h in hypotheses])
    assert found.bleu == pytest.approx(known["bleu"], abs=1e-6)
    assert sum(found.rouge_l) / len(references) == pytest.approx(known["rouge_l"], abs=1e-6)
    assert list(found.cider) == pytest.approx(known["each"], abs=1e-6)
    assert sum(found.cider) / len(references) == pytest.approx(known["cider"], abs=1e-6)
    assert 0.1 < known["bleu"][3] < 0.9  # the pairs are worth comparing
    assert len(set(known["each"])) > 25


def test_a_report_becomes_tokens_as_r2gen_cleans_it():
    assert " ".join(split_report(REPORT)) == (
        "heart size is normal . lungs are clear no focal air-space disease . no change ."
    )
    assert split_report(REPORT, keep_removed=True).count("xxxx") == 1
    assert " ".join(split_report("Measures 1.5 cm... Stable.")) == "measures 15 cm . stable ."
    assert split_report(" . XXXX. ") == split_report("") == []
    assert has_removed_word(REPORT)
    assert not has_removed_word("")


@given(st.text(alphabet=string.printable))
def test_tokens_have_no_blank_no_capital_and_end_in_a_stop(text: str):
    tokens = split_report(text)
    assert all(token == token.strip().lower() and token for token in tokens)
    assert not tokens or tokens[-1] == "."
    assert ".." not in "".join(tokens)


@given(PAIRS)
def test_scores_are_bounded_and_a_text_against_itself_is_best(pairs: list[tuple[list, list]]):
    references, hypotheses = map(list, zip(*pairs, strict=True))
    found, itself = score_wording(references, hypotheses), score_wording(references, references)
    assert all(0 <= value <= 10 + 1e-9 for value in found.cider)
    assert all(0 <= value <= 1 + 1e-9 for value in (*found.rouge_l, *found.bleu))
    for ours, best in zip(found.cider, itself.cider, strict=True):
        assert ours <= best + 1e-9


@given(PAIRS, st.randoms())
def test_cider_of_a_document_does_not_depend_on_the_order(pairs: list, rng):
    order = list(range(len(pairs)))
    rng.shuffle(order)
    plain = score_cider(*map(list, zip(*pairs, strict=True)))
    other = score_cider(*map(list, zip(*[pairs[i] for i in order], strict=True)))
    assert other == pytest.approx([plain[i] for i in order])


def test_what_cannot_be_scored_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        score_cider([], [])
    with pytest.raises(ValueError, match=r"shorter|longer"):
        score_wording([["a"]], [])
