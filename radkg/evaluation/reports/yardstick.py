"""What texts are held against, and how good they are by it: human codes first, then graphs, words.

A yardstick is the studies that have a reference, with what their coders filed and what each reader
reads in the reference. It scores one text for each study, whoever wrote it.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from radkg.evaluation.reports.labels import name_labels
from radkg.evaluation.reports.reading import TextReader
from radkg.evaluation.reports.studies import Part, ReportSet, make_reference, split_text
from radkg.gold.filing import list_gold_findings
from radkg.metrics import Score, bootstrap, score
from radkg.metrics.figures import estimate_rate, round_interval, round_scores
from radkg.metrics.radgraph_f1 import score_document
from radkg.metrics.text import compute_bleu_of
from radkg.metrics.triplets import resample
from radkg.metrics.wording import Wording, has_removed_word, score_wording

CUT = 60
"""tokens to which published figures on Open-i cut a reference"""


@dataclass(frozen=True)
class Yardstick:
    """The studies that are scored on a part of their reports."""

    part: Part
    report_set: ReportSet
    readers: tuple[TextReader, ...]

    @cached_property
    def indices(self) -> list[int]:
        """Return which studies of `report_set.scored` have a reference."""
        studies = self.report_set.scored.studies
        return [i for i, study in enumerate(studies) if make_reference(study, self.part)]

    @cached_property
    def references(self) -> list[str]:
        """Return the true text of each study."""
        return [make_reference(self.report_set.scored.studies[i], self.part) for i in self.indices]

    @cached_property
    def findings(self) -> list[frozenset[str]]:
        """Return the finding classes that the coders filed for each study."""
        golds, classes = self.report_set.scored.golds, self.report_set.filing.classes
        return [list_gold_findings(golds[i]) & classes for i in self.indices]

    @cached_property
    def labels(self) -> list[frozenset[str]]:
        """Return the labels of the coders, of 14, for each study."""
        return [name_labels(self.report_set.scored.golds[i].observations) for i in self.indices]

    @cached_property
    def is_normal(self) -> list[bool]:
        """Return whether the coders filed nothing but `normal` for each study."""
        return [self.report_set.scored.golds[i].normal for i in self.indices]

    def score_texts(self, texts: Sequence[str]) -> dict[str, Any]:
        """Return the figures of texts, one for each study of `indices`."""
        tokens = [split_text(text, self.part) for text in texts]
        written = [text for text in texts if text]
        return {
            "read_by": {reader.name: self._score_reading(reader, texts) for reader in self.readers},
            "words": _show_wording(score_wording(self._tokens, tokens)),
            "words_cut": _show_wording(score_wording([t[:CUT] for t in self._tokens], tokens)),
            "distinct": len(set(map(tuple, tokens))),
            "mean_length": round(sum(map(len, tokens)) / len(tokens), 1),
            "empty": len(texts) - len(written),
            "with_removed_word": sum(map(has_removed_word, texts)),
        }

    @cached_property
    def _tokens(self) -> list[list[str]]:
        return [split_text(reference, self.part) for reference in self.references]

    def _score_reading(self, reader: TextReader, texts: Sequence[str]) -> dict[str, Any]:
        """Return the figures that a reader of the texts gives."""
        said, truth = reader.read(texts), reader.read(self.references)
        findings, labels = [s.findings for s in said], [s.labels for s in said]
        accused = [
            (int(bool(names)), 1)
            for names, normal in zip(findings, self.is_normal, strict=True)
            if normal
        ]
        graphs = [score_document(t.graph, s.graph) for t, s in zip(truth, said, strict=True)]
        return {
            "findings": round_scores(score(self.findings, findings)),
            "findings_macro_f1": round(compute_macro_f1(self.findings, findings), 4),
            "labels_14": round_scores(score(self.labels, labels)),
            "labels_14_macro_f1": round(compute_macro_f1(self.labels, labels), 4),
            "false_on_normal": estimate_rate(accused),
            "rg_e": _mean([one.simple for one in graphs]),
            "rg_er": _mean([one.partial for one in graphs]),
            "intervals_95": {
                "findings_f1": round_interval(bootstrap(self.findings, findings)),
                "labels_14_f1": round_interval(bootstrap(self.labels, labels)),
                "rg_er": _resample_mean([one.partial for one in graphs]),
            },
        }


def compute_macro_f1(
    gold: Sequence[AbstractSet[str]], predicted: Sequence[AbstractSet[str]]
) -> float:
    """Return the mean F1 of the names that the gold has anywhere, in [0, 1]; 0 where it has none.

    Raises:
        ValueError: the sequences differ in length.
    """
    agreed: dict[str, Score] = {name: Score(0, 0, 0) for names in gold for name in names}
    for g, p in zip(gold, predicted, strict=True):
        for name in (g | p) & agreed.keys():
            agreed[name] += Score(int(name in g & p), int(name in p), int(name in g))
    return sum(agreed[name].f1 for name in sorted(agreed)) / len(agreed) if agreed else 0.0


def _show_wording(found: Wording) -> dict[str, Any]:
    return {
        **{f"bleu_{n}": round(value, 4) for n, value in enumerate(found.bleu, start=1)},
        "rouge_l": _mean(found.rouge_l),
        "cider": _mean(found.cider),
        "intervals_95": {
            "bleu_4": round_interval(
                resample(found.bleu_counts, lambda sums: compute_bleu_of(sums)[3])
            ),
            "cider": _resample_mean(found.cider),
        },
    }


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), 4)


def _resample_mean(values: Sequence[float]) -> list[float]:
    pairs = [(value, 1.0) for value in values]
    return round_interval(resample(pairs, lambda sums: sums[0] / sums[1]))
