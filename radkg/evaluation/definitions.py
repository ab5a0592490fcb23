"""What each figure of a report means, and the published figures that stand beside it."""

from __future__ import annotations

from typing import Any

from radkg.gold.filing import MIN_STUDIES
from radkg.metrics.text import ROUGE_BETA

_COMMON = {
    "findings": f"observations that the coders file on their own in >= {MIN_STUDIES} training "
    "studies; an uncertain one counts where at least half of the training studies that only doubt "
    "it have its code; micro-averaged over (study, finding)",
    "split": "test: NegBio's list without texts that also occur in training; on split train the "
    "coders' habits are counted on the very studies that are scored",
    "floors": "constant: the best fixed answer by training counts; lexicon: the rules' word lists "
    "per sentence, without grammar; lexicon_negation: the same up to the first denying word; "
    "ngram: logistic regression on words, pairs and triples of words, trained on the training "
    "split, threshold chosen on an eighth of it; rules: the rules' reading as the coders would "
    "file it. A floor's false triplet is any triplet it gives for a normal study",
    "triplets_relaxed": "head and tail agree, whatever the relation",
    "per_relation": "triplets of one relation; the human codes have no suggestive_of",
    "text_metrics": "triplets of a study as text, one reference each; corpus BLEU with brevity "
    f"penalty and without smoothing, mean ROUGE-L with beta {ROUGE_BETA}; order sorted: both sides "
    "sorted (codes have no order in the report); shuffled: reference sorted, hypothesis shuffled "
    "with seed 0, the control (of gold: right triplets, whose set F1 is 1); a study without "
    "triplets is the text [] or no text",
    "hallucination": "codes: share of filed triplets whose head or tail is no name of the study's "
    "human codes; report: whose head or tail is neither coded nor stated in the report by the "
    "rules' reading (silver), in words or by the coders' conventions. For image alone, codes is "
    "the rate to read, for text, report",
    "other_image": "a floor of the condition image: the same answers in another order, by seed 0",
    "validity": "share of studies with an answer that the schema allows; the others count as "
    "failed, and as saying nothing",
    "images": "with --images, only studies that have an image at hand are scored, under every "
    "condition, so that conditions are compared on the same studies",
    "intervals_95": "bootstrap over studies (over sentences for silver), 1000 samples, seed 0",
    "published": "as their authors give them; other data, other gold and unknown order policy: "
    "they cannot be compared with the figures here",
}

COPY = {
    **_COMMON,
    "triplets": "modify and located_at between coded names, as the coders would file them: kinds "
    "that at least half of the training studies stating them have in their codes; micro-averaged "
    "over (study, triplet)",
    "triplets_as_stated": "the same without that selection: every certain triplet of the report "
    "that was ever coded in training",
    "normal_reports": "studies coded `normal` alone; a false triplet is a relation with a finding "
    "(no normality, degree or change) that the report asserts as certain, before any selection",
    "contradiction": "codes: share of observations that the extraction only denies and that the "
    "coders filed as present; silver: share of observations that the extraction only asserts or "
    "only denies, of those the rules' reading only asserts or only denies, where the two differ",
    "silver": "agreement with the rules' reading on sentences of the test split that occur in no "
    "training report: an entity agrees with span and label, a triplet with both ends and relation; "
    "imitation of the rules, not correctness. hallucination: share of extracted triplets (by "
    "concept) with an end that is neither in the rules' reading of the report nor coded; "
    "text_metrics: per report, the words of the extraction against those of the rules; order "
    "report is the order in which each states its triplets",
    "errors": "studies by what the coders filed and what the graph would say is present, under one "
    "name and without any selection: the counts behind sensitivity and specificity, with which "
    "radkg query corrects a prevalence",
    "calibration": "of silver: confidence of extracted relations against their agreement with the "
    "rules on unseen sentences",
}

CODES = {
    **_COMMON,
    "triplets": "modify and located_at between coded names, as the model writes them; "
    "micro-averaged over (study, triplet)",
    "normal_reports": "studies coded `normal` alone; a false triplet is any triplet written",
    "contradiction": "share of observations written (findings, and heads of located_at) that the "
    "rules' reading of the report only denies and that no coder filed",
    "calibration": "confidence of written triplets, and of findings of the scored classes, against "
    "the human codes",
}

_REASON = (
    "MIMIC-CXR or Open-i with DyGIE++ output as reference, 50 test reports, BLEU of triplet text "
    "whose order, format and tokeniser are not stated"
)
_COLUMNS = ("system", "data", "input", "bleu_1", "bleu_2", "bleu_3", "bleu_4", "rouge_l")
PUBLISHED: list[dict[str, Any]] = [
    {
        **dict(zip(_COLUMNS, row, strict=True)),
        "comparable": False,
        "reason": _REASON,
        "source": "arXiv 2505.17042, abstract and published summary",
    }
    for row in (
        ("DyGIE++ (BERT)", "MIMIC-CXR", "report", 0.2457, None, None, None, 0.5649),
        ("LLM-KG", "Open-i", "report", None, None, 0.1802, None, None),
        ("LLM-KG", "MIMIC-CXR", "report", None, None, 0.3596, None, 0.5653),
        ("VLM-KG", "Open-i", "image+report", 0.4476, None, None, None, None),
        ("VLM-KG", "MIMIC-CXR", "image+report", 0.5498, 0.4965, 0.4612, 0.4329, 0.5469),
    )
]
