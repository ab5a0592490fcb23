"""A report of the target `report` as tables and notes, for people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

from radkg.evaluation.reports.studies import PARTS, Part
from radkg.evaluation.reports.yardstick import CUT

_REFERENCES: dict[Part, str] = {"whole": "findings and impression", "findings": "findings alone"}
_WORDS = ("bleu_1", "bleu_2", "bleu_3", "bleu_4", "rouge_l", "cider")
_READING_COLUMNS = ["F1", "95 %", "macro", "14 labels", "normal", "rg_e", "rg_er"]
_WORD_COLUMNS = ["BLEU-1", "2", "3", "4", "ROUGE-L", "CIDEr"]
_TEXTS = ("distinct", "mean_length", "empty", "with_removed_word")
_TEXT_COLUMNS = ["distinct", "tokens", "empty", "xxxx"]
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
    """Return the tables of all references: the codes by each reader, the words, the texts.

    Against the findings alone the first reader is enough: `--json` has the others.
    """
    return [table for part in PARTS for table in _list_tables(report, part)]


def _list_tables(report: Mapping[str, Any], part: Part) -> Iterator[ReportTable]:
    scored = report[part]
    of = f"{scored['studies']} studies ({report['split']}), {_REFERENCES[part]}"
    readers = list(report["readers"])
    texts = [
        (report["reporter"] if name == "reporter" else name, found)
        for name, found in scored["texts"].items()
    ]

    def make(title: str, columns: list[str], show: Callable[[Any], list[str]]) -> ReportTable:
        rows = [[name, *show(found)] for name, found in texts]
        return ReportTable(f"{of}: {title}", ["text", *columns], rows)

    for reader in readers if part == "whole" else readers[:1]:
        title = f"human codes, read by {reader}; {scored['normal']} normal"
        yield make(title, _READING_COLUMNS, partial(_show_reading, reader))
    yield make("words", _WORD_COLUMNS, lambda found: _show_words(found["words"]))
    title = f"words, reference cut at {CUT} tokens"
    yield make(title, _WORD_COLUMNS, lambda found: _show_words(found["words_cut"]))
    if part == "whole":
        yield make("texts", _TEXT_COLUMNS, lambda found: [f"{found[k]:,}" for k in _TEXTS])


def _show_reading(reader: str, found: Mapping[str, Any]) -> list[str]:
    read = found["read_by"][reader]
    interval = " ".join(
        f"{end:.2f}".removeprefix("0") for end in read["intervals_95"]["findings_f1"]
    )
    accused = read["false_on_normal"]["rate"]
    return [
        _show(read["findings"]["f1"]),
        interval,
        _show(read["findings_macro_f1"]),
        _show(read["labels_14"]["f1"]),
        "" if accused is None else f"{accused:.1%}",
        _show(read["rg_e"]),
        _show(read["rg_er"]),
    ]


def _show_words(found: Mapping[str, Any]) -> list[str]:
    return [_show(found[name]) for name in _WORDS]


def _show(figure: float) -> str:
    """Return a figure in about four characters, so that a table fits into a terminal."""
    return f"{figure:.3f}".removeprefix("0") if figure < 1 else f"{figure:.2f}"


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
