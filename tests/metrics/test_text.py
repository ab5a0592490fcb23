import math

import pytest

from radkg.metrics.text import compute_bleu, compute_rouge_l, score_text

REPORTS = [  # invented
    [
        ("small", "modify", "effusion"),
        ("effusion", "located_at", "pleural space"),
        ("left", "modify", "pleural space"),
        ("opacity", "suggestive_of", "pneumonia"),
        ("opacity", "located_at", "right base"),
        ("patchy", "modify", "opacity"),
    ],
    [
        ("heart", "modify", "size"),
        ("enlarged", "located_at", "heart"),
        ("mild", "modify", "enlarged"),
        ("tortuous", "located_at", "aorta"),
    ],
]


def words(text):
    return text.split()


def test_bleu_by_hand():
    # 5 of 6 words, 3 of 5 pairs, 1 of 4 triples, 0 of 3 quadruples; no brevity penalty
    found = compute_bleu([words("the cat sat on the mat")], [words("the cat sat in the mat")])
    assert found[0] == pytest.approx(5 / 6)
    assert found[1] == pytest.approx(math.sqrt(5 / 6 * 3 / 5))
    assert found[2] == pytest.approx((5 / 6 * 3 / 5 * 1 / 4) ** (1 / 3))
    assert found[3] == 0


def test_counts_are_clipped_and_summed_over_the_corpus():
    # "the the the": one of three words counts; with the second document 3 of 5
    found = compute_bleu([words("the cat x"), words("a b")], [words("the the the"), words("a b")])
    assert found[0] == pytest.approx(3 / 5)


def test_short_output_pays_the_brevity_penalty():
    found = compute_bleu([words("a b c d e f g h")], [words("a b c d")])
    assert found == pytest.approx((math.exp(-1),) * 4)


def test_rouge_l_by_hand():
    # common subsequence "a c d" of 4 and 5 words; beta 1.2
    p, r, b = 3 / 5, 3 / 4, 1.2**2
    found = compute_rouge_l([words("a b c d")], [words("a c x d y")])
    assert found == pytest.approx((1 + b) * p * r / (r + b * p))


def test_nothing_against_nothing_is_right_and_against_something_wrong():
    assert compute_bleu([[]], [[]]) == (1, 1, 1, 1)
    assert compute_bleu([["a"]], [[]]) == (0, 0, 0, 0)
    assert compute_bleu([[]], [["a"]]) == (0, 0, 0, 0)
    assert compute_rouge_l([[], ["a"], []], [[], [], ["a"]]) == pytest.approx(1 / 3)


def test_order_alone_costs_bleu_4_and_rouge():
    same = score_text(REPORTS, REPORTS)
    assert (same.bleu, same.rouge_l) == ((1, 1, 1, 1), 1)
    shuffled = score_text(REPORTS, REPORTS, order="shuffled")
    assert shuffled.bleu[0] > 0.8
    assert shuffled.bleu[3] < 0.7
    assert shuffled.rouge_l < 0.8
    plain = score_text(REPORTS, REPORTS, order="shuffled", form="plain")
    assert plain.bleu[3] > shuffled.bleu[3]  # brackets mark the ends of the list


def test_half_of_the_triplets_are_right_and_cost_most_of_bleu():
    half = [triplets[: len(triplets) // 2] for triplets in REPORTS]
    found = score_text(REPORTS, half)
    assert found.length_ratio < 0.6
    assert found.bleu[0] == pytest.approx(math.exp(1 - 1 / found.length_ratio), rel=0.15)
    assert found.rouge_l > found.bleu[0] + 0.1  # VLM-KG's DyGIE++ row has this signature


def test_policies_stand_in_the_result_and_change_it():
    backwards = [triplets[::-1] for triplets in REPORTS]
    asis = score_text(REPORTS, backwards)
    assert (asis.form, asis.order, asis.tokeniser) == ("list", "report", "whitespace")
    assert asis.bleu[3] < 1
    assert score_text(REPORTS, backwards, order="sorted").bleu[3] == 1
    one = score_text([[("A-b", "modify", "c")]], [[("a b", "modify", "c")]], tokeniser="words")
    assert one.bleu[3] == 1


def test_shuffling_repeats_with_its_seed():
    one, other = (score_text(REPORTS, REPORTS, order="shuffled", seed=3) for _ in range(2))
    assert one == other


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="at least one"):
        score_text([], [])
    with pytest.raises(ValueError, match=r"shorter|longer"):
        score_text(REPORTS, REPORTS[:1])
    with pytest.raises(ValueError, match="'random'"):
        score_text(REPORTS, REPORTS, order="random")
    with pytest.raises(ValueError, match="'bpe'"):
        score_text(REPORTS, REPORTS, tokeniser="bpe")
