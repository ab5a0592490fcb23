"""A report of the target `report` as tables and notes, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from radkg.evaluation.reports.studies import PARTS, Part
from radkg.evaluation.reports.yardstick import CUT

_REFERENCES: dict[Part, str] = {"whole": "findings and impression", "findings": "findings alone"}
_WORDS = ("bleu_1", "bleu_2", "bleu_3", "bleu_4", "rouge_l", "cider")
_WORD_COLUMNS = ["BLEU-1", "2", "3", "4", "ROUGE-L", "CIDEr"]
_REASONS = {
    "text_in_training": "with a text that stands in training",
    "no_usable_codes": "without usable codes",
    "no_image": "without an image at hand",
    "no_text": "without a text",
}


class ReportTable(NamedTuple):
    """A table for people."""

    title: str
    columns: list[str]
    rows: list[list[str]]


def make_report_tables(report: Mapping[str, Any]) -> list[ReportTable]:
    """Return the tables of all references: the codes by each reader, then the words.

    Against the findings alone the first reader is enough: `--json` has the others.
    """
    return [table for part in PARTS for table in _list_tables(report, part)]


def _list_tables(report: Mapping[str, Any], part: Part) -> Iterator[ReportTable]:
    scored = report[part]
    of = f"{scored['studies']} studies ({report['split']}), {_REFERENCES[part]}"
    texts = [
        (report["reporter"] if name == "reporter" else name, found)
        for name, found in scored["texts"].items()
    ]
    readers = list(report["readers"])
    for reader in readers if part == "whole" else readers[:1]:
        rows = [[name, *_show_reading(found["read_by"][reader])] for name, found in texts]
        yield ReportTable(
            f"{of}: human codes, read by {reader}; {scored['normal']} normal",
            ["text", "F1", "95 %", "macro", "14 labels", "normal", "rg_e", "rg_er"],
            rows,
        )
    for key, title in (("words", "words"), ("words_cut", f"words, reference cut at {CUT} tokens")):
        more = key == "words"
        yield ReportTable(
            f"{of}: {title}",
            ["text", *_WORD_COLUMNS, *(["distinct", "length", "xxxx"] if more else [])],
            [
                [name, *_show_words(found[key]), *(_show_texts(found) if more else ())]
                for name, found in texts
            ],
        )


def _show_reading(found: Mapping[str, Any]) -> list[str]:
    low, high = found["intervals_95"]["findings_f1"]
    accused = found["false_on_normal"]["rate"]
    return [
        f"{found['findings']['f1']:.3f}",
        f"{low:.2f} {high:.2f}",
        f"{found['findings_macro_f1']:.3f}",
        f"{found['labels_14']['f1']:.3f}",
        "" if accused is None else f"{accused:.1%}",
        f"{found['rg_e']:.3f}",
        f"{found['rg_er']:.3f}",
    ]


def _show_words(found: Mapping[str, Any]) -> list[str]:
    return [f"{found[name]:.3f}" for name in _WORDS]


def _show_texts(found: Mapping[str, Any]) -> list[str]:
    return [
        str(found["distinct"]),
        f"{found['mean_length']:.1f}",
        str(found["with_removed_word"]),
    ]


def list_report_notes(report: Mapping[str, Any]) -> list[str]:
    """Return what stands below the tables."""
    notes = [
        "F1: findings against the human codes, micro; macro: mean over classes; 14 labels: "
        "NegBio's, micro",
        "normal: studies coded normal whose text states a finding; rg_e, rg_er: F1-RadGraph",
        "no floors: oracle_codes and oracle_plans know the human codes, true_report is the truth",
        "tokens: lower case, no punctuation, ' . ' between sentences, as R2Gen cleans reports; "
        "xxxx is dropped, but against findings alone",
    ]
    left_out = [f"{n} {_REASONS[why]}" for why, n in report["left_out"].items() if n]
    if left_out:
        notes.append(f"left out studies: {', '.join(left_out)}")
    if report["statuses"]:
        shares = (f"{s} {found['share']:.1%}" for s, found in report["statuses"].items())
        notes.append(f"drafts: {', '.join(shares)}")
    empty = report["whole"]["texts"].get("reporter", {}).get("empty", 0)
    if empty:
        notes.append(f"without a text: {empty} studies, which are scored as saying nothing")
    if report["texts_of_other_studies"]:
        notes.append(f"not scored: texts of {report['texts_of_other_studies']} other studies")
    if not report["images"]:
        notes.append("without --images: nearest_image and predicted_codes are left out")
    notes += [
        f"{reader} failed on {count} texts, which then say nothing"
        for reader, count in report["texts_unread"].items()
        if count
    ]
    return notes
