"""What each figure of the target `radgraph` means."""

from __future__ import annotations

DEFINITIONS = {
    "entities": "exact: span and label agree; overlapping: the label agrees and the spans share a "
    "character, each entity in one pair at most; micro-averaged over texts",
    "relations": "exact: both spans and the type agree; strict: the labels of both ends as well; "
    "overlapping: the type agrees and each end shares a character with its counterpart",
    "polarity": "share of equal spans with an equal label, of those that both sides mark as an "
    "observation; table: gold label, then the label that was found on an equal span",
    "f1_radgraph": "mean over texts, words in place of places: simple, partial and complete of "
    "Delbrouck et al., EMNLP 2022; 0 for a text where a side is empty",
    "per_style": "exact scores of the texts of one style, where the gold names it: `style`, or "
    "`data_source` of a file of RadGraph; an interval over a few texts is too narrow",
    "calibration": "confidence of entities and relations against exact agreement; ten bins of "
    "equal width",
    "missed": "every entity of the gold counts, also where radkg does not read; everything that is "
    "found where the gold marks nothing is wrong, history and technique included",
    "text": "of a file of RadGraph JSON the text is what stands there: published files have tokens "
    "joined by blanks, without line ends, so headings and lists on lines of their own are lost",
    "floors": "rules: the rules on the same texts, unless they are what is scored",
    "ceiling": "a second annotator against the first: two files, or labeler_2 and labeler_1 of "
    "one; of radkg's own set all sentences that two annotators read, kept out or not",
    "kept_out": "radgraph-style and openi-sentences: the tenth, chosen by the text, whose labels "
    "no training of radkg reads; labels are model-made, not human. The Open-i sentences stand in "
    "its training split, which training reads with the labels of the rules",
    "intervals_95": "bootstrap over texts, 1000 samples, seed 0",
}
