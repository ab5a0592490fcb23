"""Drafts read back: the claims of a text, by two readers that did not write it.

A checker must not be the writer, and one reader must not be the only one: the rules and the
one-pass model were made in different ways. What either of them reads is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from radkg.extractor import Extractor
from radkg.reporter.claims import read_claims
from radkg.schema.drafts import Claim
from radkg.schema.records import Section, Study

READERS = ("rules", "onepass")
_KEPT = 100_000  # texts whose claims are kept: a sentence returns in many drafts

Readings = tuple[tuple[Claim, ...], ...]
"""the claims of a text, reader by reader"""


class ClaimReader:
    """Reads the claims of texts with each of its readers.

    Args:
        readers: extractors of reports.
    """

    def __init__(self, readers: Sequence[Extractor]) -> None:
        self._readers = tuple(readers)
        self._known: dict[str, Readings] = {}

    @property
    def ids(self) -> tuple[str, ...]:
        """Of the readers: what they read depends on nothing else."""
        return tuple(reader.model_id for reader in self._readers)

    def read(self, texts: Iterable[str]) -> list[Readings]:
        """Return the claims of each text, in order."""
        wanted = list(texts)
        new = [text for text in dict.fromkeys(wanted) if text not in self._known]
        if len(self._known) + len(new) > _KEPT:
            self._known.clear()
            new = list(dict.fromkeys(wanted))
        studies = [make_text_study(text) for text in new]
        read = [[read_claims(row) for row in reader(studies)] for reader in self._readers]
        self._known |= dict(zip(new, zip(*read, strict=True), strict=True)) if new else {}
        return [self._known[text] for text in wanted]


def make_text_study(text: str) -> Study:
    """Return a study whose report is a text, all of which is read."""
    section = Section("findings", 0, len(text))
    return Study("draft", "draft", "draft", None, text, (section,), (), None, "draft")
