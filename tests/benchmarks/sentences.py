"""What is read of annotated reports: python tests/benchmarks/sentences.py [--kept-back]

Cuts the invented reports of `radgraph_style/reports.jsonl` under RADKG_TEST_DATA and compares with
what their annotators read. Prints one line of JSON: `boundaries`, the share of the annotators'
sentences that come out with the same ends (blanks, final stops and list numbers left out), for all,
for those with something to label (`labelled`: titles of the page have nothing) and for those that
were annotated across lines (`wrapped`, series r9 and later); `recall` and
`precision` of the characters read, blanks and ruled lines left out; `hostile`, the seconds per
character of long texts without a sentence over those of reports.

A tenth of the reports is kept back, by the hash of the text: `--kept-back` measures there alone.
"""

import json
import os
import re
import sys
import time
from bisect import bisect_left
from hashlib import sha256
from pathlib import Path

from radkg.archive.formats.headings import find_headed_sections
from radkg.schema.records import Study
from radkg.schema.sentences import list_study_sentences

NUMBER = re.compile(r"\s*\(?\d{1,2}[.)]\s+")
FIRST_WRAPPED = 9  # before it, annotators saw wrapped reports line by line
HOSTILE = (
    "\n",
    " ",
    "a\n",
    "1. ",
    "- ",
    ". ",
    "no\n\n",
    "A: ",
    "(",
    "FINDINGS:",
    "~",
    "\r",
    "\\n",
    "and\n",
    "A",
    "<b>",
    "x: ",
    "FINDINGS: a. ",
    "EXAM: a\n\n",
    "HISTORY: a? ",
)
LENGTH = 200_000  # characters of a hostile text


def make_study(text):
    sections = find_headed_sections(text)
    return Study("s", "p", "a", None, text, sections, (), None, "v")


def read(text):
    return [(start, end) for _, start, end in list_study_sentences(make_study(text))]


def trim(text, start, end):
    number = NUMBER.match(text, start, end)
    start = number.end() if number else start
    while start < end and text[start].isspace():
        start += 1
    while end > start and (text[end - 1].isspace() or text[end - 1] in ".;!?"):
        end -= 1
    return start, end


def is_kept_back(text):
    return int(sha256(text.encode()).hexdigest()[0], 16) % 10 == 0


def compare(rows, show=False):
    shares = {name: [0, 0] for name in ("boundaries", "labelled", "wrapped")}  # found, of all
    both = read_only = gold_only = 0
    for row in rows:
        text = row["text"]
        got = {trim(text, *span) for span in read(text)}
        gold = [trim(text, *span) for span in row["sentences"]]
        gold = [(a, b) for a, b in gold if re.search("[A-Za-z]", text[a:b])]
        is_wrapped = int(row["id"].partition("-")[0][1:]) >= FIRST_WRAPPED
        starts = sorted(entity[0] for entity in row["entities"])
        for a, b in gold:
            is_labelled = bisect_left(starts, b) > bisect_left(starts, a)
            for name, counts in (
                ("boundaries", True),
                ("labelled", is_labelled),
                ("wrapped", is_wrapped),
            ):
                shares[name][0] += counts and (a, b) in got
                shares[name][1] += counts
        chars = [
            {i for a, b in spans for i in range(a, b) if text[i].isalnum()} for spans in (got, gold)
        ]
        both += len(chars[0] & chars[1])
        read_only += len(chars[0] - chars[1])
        gold_only += len(chars[1] - chars[0])
        if show:
            for a, b in sorted(set(gold) - got):
                print(row["id"], "missed", repr(text[a:b]))
            for a, b in sorted(got - set(gold)):
                print(row["id"], "extra ", repr(text[a:b]))
    return {
        "reports": len(rows),
        **{name: round(found / of, 4) for name, (found, of) in shares.items()},
        "recall": round(both / (both + gold_only), 4),
        "precision": round(both / (both + read_only), 4),
    }


def cost_per_character(texts):
    start = time.process_time()
    for text in texts:
        read(text)
    return (time.process_time() - start) / sum(map(len, texts))


def main():
    path = Path(os.environ["RADKG_TEST_DATA"]) / "radgraph_style/reports.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows = [row for row in rows if is_kept_back(row["text"]) == ("--kept-back" in sys.argv)]
    result = compare(rows, "--show" in sys.argv)
    ordinary = cost_per_character([row["text"] for row in rows])
    result["hostile"] = {
        json.dumps(sign)[1:-1]: round(
            cost_per_character([sign * (LENGTH // len(sign))]) / ordinary, 2
        )
        for sign in HOSTILE
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
