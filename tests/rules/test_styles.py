"""Sentences in the styles of other hospitals: what the rules read of each, and of how many."""

import json

from radkg.rules.extractor import read_sentence
from radkg.schema.sentences import split_sentences
from tests.support.archives.data import require_data

AT_LEAST_RIGHT = 39  # of 42; the misses are printed when there are more
_HEADED = "IMPRESSION:"


def test_sentences_of_other_styles():
    path = require_data("cases/styles_public.jsonl")
    cases = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    wrong = [case["text"] for case in cases if list_faults(case)]
    assert len(cases) - len(wrong) >= AT_LEAST_RIGHT, wrong


def list_faults(case):
    """Return what is missing, labelled otherwise, or too much in the reading of a case."""
    spans, links = read_text(case["text"], case["headings"])
    wanted = {(start, end): label for start, end, label, _ in case["entities"]}
    counted = {k: v for k, v in wanted.items() if v not in ("optional", "not-present")}
    faults = [f"missing {k}" for k, v in counted.items() if spans.get(k) != v]
    faults += [f"too much {k} {v}" for k, v in spans.items() if k not in wanted]
    faults += [
        f"present {k}" for k, v in wanted.items() if v == "not-present" and spans.get(k) == "OBS-DP"
    ]
    places = [tuple(entity[:2]) for entity in case["entities"]]
    for head, kind, tail in case["relations"]:
        if (places[head], kind, places[tail]) not in links:
            faults.append(f"no {kind} {places[head]} {places[tail]}")
    return faults


def read_text(text, has_headings):
    """Return the spans with labels and the links of a text, offsets in the whole text."""
    start = text.index(_HEADED) + len(_HEADED) if has_headings else 0
    spans, links = {}, set()
    for begin, end in split_sentences(text, start, len(text)):
        mentions, found = read_sentence(text[begin:end])
        at = [(begin + a, begin + b) for _, _, _, a, b in mentions]
        spans |= {place: label for place, (_, label, *_) in zip(at, mentions, strict=True)}
        links |= {(at[head], kind, at[tail]) for head, tail, kind in found}
    return spans, links
