"""How the rules read the annotated texts: python tests/benchmarks/rules_style.py [--errors 40]

Prints a line of JSON for Open-i's sentences and one for the invented reports: F1 of entities (span
and label), of relations (both spans and the type), of entities whose spans only overlap, and the
share of observations with the right polarity among those with the right span. Without
`--kept-out` the tenth that is kept out of all tuning is left out; with it, nothing else is read.
`--errors N` adds the N most frequent errors of each kind, `--show N` the first N faulty sentences.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator

from radkg.gold.annotated import (
    AnnotatedText,
    cut_reading,
    is_kept_out,
    read_annotated_reports,
    read_annotated_sentences,
)
from radkg.rules.extractor import read_sentence

Case = tuple[str, list, list]  # sentence, spans with labels, links


class Tally:
    """Counts what agrees, what is missing and what is too much."""

    def __init__(self) -> None:
        self.right = self.found = self.wanted = 0

    def add(self, wanted: set, found: set) -> None:
        self.right += len(wanted & found)
        self.found += len(found)
        self.wanted += len(wanted)

    @property
    def f1(self) -> float:
        return round(2 * self.right / max(1, self.found + self.wanted), 4)


def cases(texts: tuple[AnnotatedText, ...], kept_out: bool) -> Iterator[Case]:
    for text in texts:
        if is_kept_out(text.text) == kept_out:
            for start, end in text.sentences:
                reading = cut_reading(text.spans, text.links, start, end)
                yield text.text[start:end], list(reading.spans), list(reading.links)


def read(sentence: str) -> tuple[list, list]:
    mentions, links = read_sentence(sentence)
    return [(start, end, label) for _, label, _, start, end in mentions], list(links)


def relations(spans: list, links: list) -> set:
    return {(spans[h][:2], kind, spans[t][:2]) for h, t, kind in links}


def overlaps(spans: list, others: list) -> set:
    """Return the spans that overlap one of `others` with the same label."""
    return {s for s in spans if any(s[0] < o[1] and o[0] < s[1] and s[2] == o[2] for o in others)}


def score(name: str, read_cases: list[Case], num_errors: int, num_shown: int) -> None:
    entities, links, polarity = Tally(), Tally(), Tally()
    num_near = num_found = num_wanted = num_shown_yet = 0
    errors: dict[str, Counter] = {
        k: Counter() for k in ("missing", "spurious", "label", "no link", "false link")
    }
    for sentence, spans, wanted_links in read_cases:
        found, found_links = read(sentence)
        entities.add(set(spans), set(found))
        wanted, given = relations(spans, wanted_links), relations(found, found_links)
        links.add(wanted, given)
        num_near += len(overlaps(spans, found)) + len(overlaps(found, spans))
        num_found, num_wanted = num_found + len(found), num_wanted + len(spans)
        right = {span[:2]: span[2] for span in spans}
        ours = {span[:2]: span[2] for span in found}
        both = {k for k in right if k in ours and "ANAT-DP" not in (right[k], ours[k])}
        polarity.add({(k, right[k]) for k in both}, {(k, ours[k]) for k in both})

        def word(span: tuple, sentence: str = sentence) -> str:
            return sentence[span[0] : span[1]].lower()

        errors["missing"].update(f"{word(k)} {right[k]}" for k in right.keys() - ours.keys())
        errors["spurious"].update(f"{word(k)} {ours[k]}" for k in ours.keys() - right.keys())
        errors["label"].update(
            f"{word(k)} {right[k]} not {ours[k]}"
            for k in right.keys() & ours.keys()
            if right[k] != ours[k]
        )
        for kind, these in (("no link", wanted - given), ("false link", given - wanted)):
            errors[kind].update(f"{word(h)} {r[0]} {word(t)}" for h, r, t in these)
        if (set(found) != set(spans) or given != wanted) and num_shown_yet < num_shown:
            num_shown_yet += 1
            print(f"\n{sentence!r}")
            for title, these, those in (
                ("-", set(spans) - set(found), wanted - given),
                ("+", set(found) - set(spans), given - wanted),
            ):
                print(
                    f"  {title}",
                    *(f"{word(s)}/{s[2]}" for s in sorted(these)),
                    "|",
                    *(f"{word(h)}-{r[0]}-{word(t)}" for h, r, t in sorted(those)),
                )
    print(
        json.dumps(
            {
                "texts": name,
                "sentences": len(read_cases),
                "entities_f1": entities.f1,
                "entities_overlapping_f1": round(2 * num_near / 2 / (num_found + num_wanted), 4)
                if num_found + num_wanted
                else 0,
                "relations_f1": links.f1,
                "polarity": round(polarity.right / max(1, polarity.wanted), 4),
            }
        )
    )
    if num_errors:
        for kind, counted in errors.items():
            print(f"  {kind}: {sum(counted.values())}:", counted.most_common(num_errors))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kept-out", action="store_true")
    parser.add_argument("--errors", type=int, default=0)
    parser.add_argument("--show", type=int, default=0)
    parser.add_argument("--texts", choices=["sentences", "reports", "both"], default="both")
    options = parser.parse_args()
    for name, texts in (
        ("sentences", read_annotated_sentences),
        ("reports", read_annotated_reports),
    ):
        if options.texts in (name, "both"):
            found = list(cases(texts(), options.kept_out))
            score(name, found, options.errors, options.show)


if __name__ == "__main__":
    main()
