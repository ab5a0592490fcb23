"""The n-gram floor: one linear classifier from the words of a report to its codes.

Multi-label logistic regression over the words, pairs and triples of words of each sentence; a
label is a coded finding or a coded triplet. It is trained on the training split alone, in seconds
on one core, by full-batch steps without randomness: the same studies, the same weights.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, ClassVar, TypeVar

from radkg.schema.codes import CodedTriplet, Codes
from radkg.schema.records import Condition, Study
from radkg.schema.sentences import find_words, list_study_sentences

if TYPE_CHECKING:
    import torch

MAX_N = 3
_MIN_STUDIES = 3  # training studies with an n-gram or a label, for it to be learnt
_HOLD_OUT = 8  # one training study in eight chooses the threshold
_STEPS = 120
_RATE = 0.1
_DECAY = 3e-4

_T = TypeVar("_T", bound=Hashable)
Label = str | CodedTriplet  # a finding's name, or a triplet


@dataclass(frozen=True, eq=False)
class NgramReader:
    """A CodesReader; its confidence is the logistic output, one threshold serves all labels."""

    index: dict[str, int]  # column of each n-gram
    labels: tuple[Label, ...]
    weights: torch.Tensor  # (n-grams + 1, labels), the last row is the bias
    threshold: float
    model_id: str
    name: ClassVar[str] = "ngram"
    condition: ClassVar[Condition] = "report"

    def read_codes(self, studies: Sequence[Study]) -> list[Codes]:
        """Return the labels above the threshold, for each study."""
        import torch

        chances = torch.sigmoid(_matrix([_ngrams(s) for s in studies], self.index) @ self.weights)
        return [self._codes(row) for row in chances.tolist()]

    def _codes(self, chances: Sequence[float]) -> Codes:
        pairs = zip(self.labels, chances, strict=True)
        found = [(label, chance) for label, chance in pairs if chance >= self.threshold]
        return Codes(
            findings=tuple((name, c) for name, c in found if isinstance(name, str)),
            triplets=tuple((name, c) for name, c in found if not isinstance(name, str)),
        )


def train_ngram(
    studies: Sequence[Study],
    findings: Sequence[frozenset[str]],
    triplets: Sequence[frozenset[CodedTriplet]],
) -> NgramReader:
    """Return a reader trained on studies and what their coders filed.

    Raises:
        ValueError: the sequences differ in length, or no code is frequent enough to be learnt.
    """
    import torch

    golds: list[frozenset[Label]] = [f | t for f, t in zip(findings, triplets, strict=True)]
    if len(golds) != len(studies):
        raise ValueError(f"{len(studies)} studies with the codes of {len(golds)}")
    grams = [_ngrams(study) for study in studies]
    labels = tuple(sorted(_frequent(golds), key=repr))
    if not labels:
        raise ValueError(f"no code stands in {_MIN_STUDIES} of {len(studies)} studies")
    index = {gram: i for i, gram in enumerate(sorted(_frequent(grams)))}
    targets = torch.tensor([[float(label in gold) for label in labels] for gold in golds])
    held_out = [i % _HOLD_OUT == 0 for i in range(len(studies))]
    kept = [gram for gram, held in zip(grams, held_out, strict=True) if not held]
    others = [gram for gram, held in zip(grams, held_out, strict=True) if held]
    is_held = torch.tensor(held_out)
    partial = _fit(_matrix(kept, index), targets[~is_held])
    threshold = _threshold(torch.sigmoid(_matrix(others, index) @ partial), targets[is_held])
    weights = _fit(_matrix(grams, index), targets)
    digest = sha256(weights.numpy().tobytes() + repr((labels, threshold)).encode())
    return NgramReader(index, labels, weights, threshold, digest.hexdigest()[:16])


def _fit(features: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the weights (columns, labels) after full-batch steps of Adam, averaged loss."""
    import torch

    transposed = features.t().coalesce()
    weights = torch.zeros(features.shape[1], targets.shape[1])
    weights[-1] = -4.0  # codes are rare
    mean, square = torch.zeros_like(weights), torch.zeros_like(weights)
    for step in range(1, _STEPS + 1):
        gradient = transposed @ (torch.sigmoid(features @ weights) - targets) / len(targets)
        gradient += _DECAY * weights
        mean.lerp_(gradient, 0.1)
        square.mul_(0.99).addcmul_(gradient, gradient, value=0.01)
        size = (square / (1 - 0.99**step)).sqrt_().add_(1e-8)
        weights.addcdiv_(mean, size, value=-_RATE / (1 - 0.9**step))
    return weights


def _threshold(chances: torch.Tensor, targets: torch.Tensor) -> float:
    """Return the threshold with the best micro F1 on held-out studies, of equals the middle."""

    def f1(threshold: float) -> float:
        predicted = chances >= threshold
        return float(2 * (predicted & (targets > 0)).sum() / (predicted.sum() + targets.sum()))

    return max((i / 100 for i in range(3, 90)), key=lambda t: (f1(t), -abs(t - 0.5)))


def _matrix(grams: Sequence[frozenset[str]], index: dict[str, int]) -> torch.Tensor:
    """Return a sparse 0/1 matrix (studies, n-grams + 1); the last column is 1 for the bias."""
    import torch

    columns = [[*sorted(index[gram] for gram in row if gram in index), len(index)] for row in grams]
    rows = [i for i, found in enumerate(columns) for _ in found]
    places = torch.tensor([rows, [column for found in columns for column in found]])
    size, values = (len(grams), len(index) + 1), torch.ones(len(rows))
    return torch.sparse_coo_tensor(places, values, size, check_invariants=True).coalesce()


def _frequent(members: Sequence[frozenset[_T]]) -> list[_T]:
    counts = Counter(member for row in members for member in row)
    return [member for member, count in counts.items() if count >= _MIN_STUDIES]


def _ngrams(study: Study) -> frozenset[str]:
    """Return the n-grams of the sentences of a study, punctuation among the words."""
    found: set[str] = set()
    for _, start, end in list_study_sentences(study):
        tokens = [word for word, _, _ in find_words(study.report[start:end])]
        for n in range(1, MAX_N + 1):
            found.update(" ".join(tokens[i : i + n]) for i in range(len(tokens) - n + 1))
    return frozenset(found)
