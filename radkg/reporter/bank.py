"""Sentences of the training part by what they claim: what a planned draft is written with.

Open-i's text is not ours to hand on: a bank holds the hash of each sentence, and finds its words in
the training part of the archive that is installed. A bank of another archive is bound to it alike.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from radkg.archive import open_archive
from radkg.errors import ExtractorError
from radkg.private import open_private
from radkg.reporter.claims import is_planned_by
from radkg.schema.drafts import Claim
from radkg.schema.records import Study
from radkg.schema.sentences import list_study_sentences

BANK = "sentences.csv"
_ITEM = re.compile(r"^(?:\(?\d{1,2}[.)]|-)\s*")
_COLUMNS = ("id", "count", "place", "claims")


@dataclass(frozen=True)
class BankSentence:
    """A sentence of the training part, all of whose claims two readers read alike."""

    text: str
    """ends with a full stop"""
    claims: tuple[Claim, ...]
    count: int
    """reports with it"""
    place: float
    """where it stands in a report, on average: 0 first, 1 last"""

    @property
    def sentence_id(self) -> str:
        """Return the hash of its words."""
        return hash_sentence(self.text)


class SentenceBank:
    """Sentences by their claims."""

    def __init__(self, sentences: Iterable[BankSentence]) -> None:
        self.sentences = tuple(sentences)
        self.by_id = {one.sentence_id: one for one in self.sentences}
        self._by_finding: defaultdict[tuple[str, str], list[BankSentence]] = defaultdict(list)
        for one in self.sentences:
            for key in {(claim.finding, claim.polarity) for claim in one.claims}:
                self._by_finding[key].append(one)

    def list_candidates(self, claim: Claim, plan: Sequence[Claim]) -> list[BankSentence]:
        """Return the sentences that state a claim and nothing that the plan lacks, best first.

        The best one states the most details of the claim, and then stands in the most reports.
        """
        found = [
            one
            for one in self._by_finding[claim.finding, claim.polarity]
            if any(is_planned_by(said, claim) for said in one.claims)
            and all(any(is_planned_by(said, planned) for planned in plan) for said in one.claims)
        ]

        def rate(one: BankSentence) -> tuple[int, int, int, str]:
            own = [said for said in one.claims if is_planned_by(said, claim)]
            details = max(sum(bool(d) for d in (s.site, s.side, s.degree)) for s in own)
            return -details, -one.count, len(one.claims), one.text

        return sorted(found, key=rate)


def normalise_sentence(text: str) -> str:
    """Return the words of a sentence as a draft has them: one line, a capital, a full stop.

    The number of an item is no word of it.
    """
    line = _ITEM.sub("", " ".join(text.split())).rstrip(".;:, ")
    return line[:1].upper() + line[1:] + "."


def hash_sentence(text: str) -> str:
    """Return the id of a sentence: the hash of its words."""
    return blake2b(normalise_sentence(text).encode(), digest_size=8).hexdigest()


def save_bank(sentences: Iterable[BankSentence], path: Path) -> None:
    """Write a bank without the words of its sentences."""
    with open_private(path, newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for one in sentences:
            claims = ";".join(map(_write_claim, one.claims))
            writer.writerow((one.sentence_id, one.count, f"{one.place:.4f}", claims))


def load_bank(path: Path, archive: str) -> SentenceBank:
    """Return the bank of a file with the words out of the archive's training part.

    Raises:
        ExtractorError: the file is missing or damaged, or the archive lacks a sentence of it.
        ArchiveError: the archive cannot be read.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = {row["id"]: row for row in csv.DictReader(file)}
        known = {
            sentence_id: (
                int(row["count"]),
                float(row["place"]),
                tuple(map(_read_claim, row["claims"].split(";"))),
            )
            for sentence_id, row in rows.items()
        }
    except (OSError, KeyError, ValueError, AttributeError, csv.Error) as error:
        raise ExtractorError(f"{path} is no bank of sentences: {error}: train it again") from error
    texts = find_texts(archive, set(known))
    if lost := known.keys() - texts.keys():
        raise ExtractorError(
            f"{len(lost)} of {len(known)} sentences of {path} do not stand in the training part of "
            f"{archive}: it is another archive, or another version of it: train the planner again"
        )
    return SentenceBank(
        BankSentence(texts[i], claims, count, place) for i, (count, place, claims) in known.items()
    )


def find_texts(archive: str, wanted: set[str]) -> dict[str, str]:
    """Return the words of sentences by their ids, as far as the training part has them."""
    opened = open_archive(archive)
    records = [r for r in opened.index().to_pylist() if r["split"] in ("train", None)]
    found: dict[str, str] = {}
    for study in opened.read(records):
        if isinstance(study, Study):
            for _, start, end in list_study_sentences(study):
                text = normalise_sentence(study.report[start:end])
                if (sentence_id := hash_sentence(text)) in wanted:
                    found[sentence_id] = text
    return found


def _write_claim(claim: Claim) -> str:
    parts = (claim.finding, claim.polarity, claim.site, claim.side, claim.degree)
    return "|".join(part or "" for part in parts)


def _read_claim(text: str) -> Claim:
    finding, polarity, site, side, degree = text.split("|")
    return Claim(finding, polarity, site or None, side or None, degree or None)  # type: ignore[arg-type]
