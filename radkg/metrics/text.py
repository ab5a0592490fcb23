"""Corpus BLEU and ROUGE-L, of token lists and of triplets written as text, to compare with papers.

Both reward order and length, not content: the right triplets in another order keep a set F1 of 1
and lose most of BLEU-4. Format, order policy and tokeniser change the figures, so that they stand
in the result. BLEU (Papineni et al., ACL 2002) is over the corpus, with brevity penalty, without
smoothing; ROUGE-L (Lin, 2004) is the mean over documents, recall weighted by beta 1.2.
"""

from __future__ import annotations

import math
import random
import re
from collections import Counter
from collections.abc import Sequence
from itertools import starmap
from typing import Literal, NamedTuple, get_args

from radkg.metrics.triplets import Triplet
from radkg.schema.linearize import Form, write_triplets

Order = Literal["report", "sorted", "shuffled"]
Tokeniser = Literal["whitespace", "words"]
ORDERS: tuple[Order, ...] = get_args(Order)
TOKENISERS: tuple[Tokeniser, ...] = get_args(Tokeniser)
ROUGE_BETA = 1.2
MAX_N = 4

_WORD = re.compile(r"\w+")


class TextScore(NamedTuple):
    """BLEU-1 to BLEU-4 and ROUGE-L in [0, 1], and what they were measured on.

    `length_ratio` is the tokens of the hypotheses over those of the references: below 1 the
    brevity penalty works.
    """

    bleu: tuple[float, float, float, float]
    rouge_l: float
    length_ratio: float
    form: Form
    order: Order
    tokeniser: Tokeniser


def score_text(
    references: Sequence[Sequence[Triplet]],
    hypotheses: Sequence[Sequence[Triplet]],
    *,
    form: Form = "list",
    order: Order = "report",
    tokeniser: Tokeniser = "whitespace",
    seed: int = 0,
) -> TextScore:
    """Return the scores of triplets as text, one reference and one hypothesis per document.

    Args:
        references: gold triplets of each document.
        hypotheses: predicted triplets of each document.
        form: `list` or `plain`, see `write_triplets`.
        order: `report` leaves both as they are, `sorted` sorts both, `shuffled` sorts the
            references and shuffles the hypotheses: the control.
        tokeniser: `whitespace` splits at blanks (quotes and brackets stay on the words), `words`
            keeps runs of letters and digits only.
        seed: of the shuffling.

    Raises:
        ValueError: the sequences differ in length or are empty, or a policy has no such name.
    """
    if order not in ORDERS or tokeniser not in TOKENISERS:
        raise ValueError(f"order {order!r}, tokeniser {tokeniser!r}: {ORDERS}, {TOKENISERS}")
    draw = random.Random(seed)

    def tokens(triplets: Sequence[Triplet], is_hypothesis: bool) -> list[str]:
        ordered = list(triplets) if order == "report" else sorted(triplets)
        if order == "shuffled" and is_hypothesis:
            draw.shuffle(ordered)
        text = write_triplets(ordered, form)
        return text.split() if tokeniser == "whitespace" else _WORD.findall(text.lower())

    written = [tokens(triplets, False) for triplets in references]
    guessed = [tokens(triplets, True) for triplets in hypotheses]
    num_written, num_guessed = sum(map(len, written)), sum(map(len, guessed))
    return TextScore(
        bleu=compute_bleu(written, guessed),
        rouge_l=compute_rouge_l(written, guessed),
        length_ratio=num_guessed / num_written if num_written else float(not num_guessed),
        form=form,
        order=order,
        tokeniser=tokeniser,
    )


def compute_bleu(
    references: Sequence[Sequence[str]], hypotheses: Sequence[Sequence[str]]
) -> tuple[float, float, float, float]:
    """Return BLEU-1 to BLEU-4 of token lists, one reference each; 0 where no n-gram agrees.

    Raises:
        ValueError: the sequences differ in length or are empty.
    """
    if not references:
        raise ValueError("BLEU needs at least one document")
    pairs = zip(references, hypotheses, strict=True)
    return compute_bleu_of(
        [sum(column) for column in zip(*starmap(count_bleu, pairs), strict=True)]
    )


def count_bleu(reference: Sequence[str], hypothesis: Sequence[str]) -> tuple[int, ...]:
    """Return what BLEU sums over the corpus, of one document.

    These are the n-grams that agree, for n of 1 to 4, those of the hypothesis, and the tokens of
    the reference and of the hypothesis.
    """
    found = [count_ngrams(hypothesis, n) for n in range(1, MAX_N + 1)]
    agreed = [(own & count_ngrams(reference, n)).total() for n, own in enumerate(found, start=1)]
    return (*agreed, *(own.total() for own in found), len(reference), len(hypothesis))


def compute_bleu_of(counts: Sequence[int]) -> tuple[float, float, float, float]:
    """Return BLEU-1 to BLEU-4 of the sums of `count_bleu` over the documents."""
    agreed, guessed = counts[:MAX_N], counts[MAX_N : 2 * MAX_N]
    num_reference, num_guessed = counts[2 * MAX_N :]
    if not num_guessed:
        return (0.0, 0.0, 0.0, 0.0) if num_reference else (1.0, 1.0, 1.0, 1.0)
    brevity = min(1.0, math.exp(1 - num_reference / num_guessed))
    values, logs = [], 0.0
    for n, (a, g) in enumerate(zip(agreed, guessed, strict=True), start=1):
        logs = logs + math.log(a / g) if a else -math.inf
        values.append(brevity * math.exp(logs / n))
    return values[0], values[1], values[2], values[3]


def compute_rouge_l(
    references: Sequence[Sequence[str]],
    hypotheses: Sequence[Sequence[str]],
    beta: float = ROUGE_BETA,
) -> float:
    """Return ROUGE-L, averaged over the documents; 1 where both sides of one are empty.

    Raises:
        ValueError: the sequences differ in length or are empty.
    """
    if not references:
        raise ValueError("ROUGE-L needs at least one document")
    pairs = zip(references, hypotheses, strict=True)
    return sum(score_rouge_l(*pair, beta) for pair in pairs) / len(references)


def score_rouge_l(
    reference: Sequence[str], hypothesis: Sequence[str], beta: float = ROUGE_BETA
) -> float:
    """Return ROUGE-L of one document; 1 where both sides are empty."""
    if not reference or not hypothesis:
        return float(not reference and not hypothesis)
    common = _longest_common(reference, hypothesis)
    precision, recall = common / len(hypothesis), common / len(reference)
    weight = beta * beta
    return (1 + weight) * precision * recall / (recall + weight * precision) if common else 0.0


def _longest_common(one: Sequence[str], other: Sequence[str]) -> int:
    """Return the length of the longest common subsequence."""
    row = [0] * (len(other) + 1)
    for token in one:
        diagonal = 0
        for j, candidate in enumerate(other, start=1):
            above = row[j]
            row[j] = diagonal + 1 if token == candidate else max(above, row[j - 1])
            diagonal = above
    return row[-1]


def count_ngrams(tokens: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    """Return how often each run of `n` tokens occurs."""
    return Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))
