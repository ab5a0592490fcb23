"""What each figure of the target `report` means."""

from __future__ import annotations

from radkg.evaluation.reports.floors import FLOORS
from radkg.evaluation.reports.labels import list_labels
from radkg.evaluation.reports.yardstick import CUT
from radkg.gold.filing import MIN_STUDIES
from radkg.metrics.text import ROUGE_BETA

DEFINITIONS = {
    "split": "test: NegBio's list of Open-i without studies whose findings and impression stand "
    "word for word in training; dev: the tenth of training that nothing learns from. Studies have "
    "usable human codes, a text and, with --images, an image at hand",
    "references": "whole: findings and impression; findings: the findings section alone, of the "
    "studies that have one, for comparison with published figures",
    "read_by": "what an extractor reads in a text, filed as coders would (habits are counted on "
    "the training part with the rules as reader). Read by an extractor with which it was checked, "
    "a text is sure to say what was planned; the reporter plan checks with the rules and onepass. "
    "onepass learnt in part from the rules: it is another reader, but no independent one. Only the "
    "human codes are independent of all",
    "findings": f"observations that the coders file on their own in >= {MIN_STUDIES} training "
    "studies, against the human codes of the study; micro-averaged over (study, finding). macro: "
    "mean F1 of the classes that the coders filed in these studies",
    "labels_14": "14 human labels: the columns of NegBio's table of Open-i "
    f"({', '.join(list_labels())}), by the coders' terms; of a text by the names read in it. No "
    "CheXbert",
    "false_on_normal": "share of the studies coded `normal` alone whose text states a finding",
    "rg_e": "F1-RadGraph, simple: words and label of entities, against the reader's graph of the "
    "reference, mean over studies; 0 where a side is empty",
    "rg_er": "F1-RadGraph, partial: the same with whether an entity has a relation. One constant "
    "text does well by it: it is no proof of findings",
    "words": "corpus BLEU-1 to BLEU-4 with brevity penalty, without smoothing; ROUGE-L with beta "
    f"{ROUGE_BETA}, mean; CIDEr-D times 10, mean, rarity counted on the references; one reference "
    f"each. words_cut: references cut at {CUT} tokens, as published figures on Open-i have it",
    "tokens": "both sides: lower case, punctuation stripped but for hyphens, numbers of lists "
    "dropped, ' . ' between sentences and at the end, as R2Gen cleans reports. xxxx, the mark of a "
    "removed word, is dropped on both sides of whole, and kept as published figures do for "
    "findings; with_removed_word counts the texts that hold it",
    "distinct": "different texts, as tokens; mean_length: tokens a text; empty: studies without a "
    "text, which are scored as saying nothing",
    "statuses": "drafts of the reporter by status; the text of an unverified one is scored",
    "shuffled_images": "the texts that are scored, each given to another study (seed 0): what a "
    "writer knows without the image",
    "oracle_plans": "what the reporter writes of plans made of the human codes: no floor",
    **FLOORS,
    "intervals_95": "bootstrap over studies, 1000 samples, seed 0; that of CIDEr with the rarity "
    "of n-grams as it is",
}
