"""What an extractor reads in the text of a report, as coders would file it.

Read by an extractor with which it was checked, a text says what was planned. So a second reader
stands beside the first, and the human codes above both.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import starmap
from typing import NamedTuple

from radkg.errors import ConfigError
from radkg.evaluation.reports.labels import name_labels
from radkg.evaluation.unseen import make_sentence_study
from radkg.extractor import Extractor, extract_rows, load_extractor
from radkg.gold.filing import Filing
from radkg.gold.statements import list_stated_findings
from radkg.metrics.radgraph_f1 import Graph, to_graph
from radkg.schema.records import Extraction

READERS = ("rules", "onepass")
_NOTHING = Graph((), ())


class Said(NamedTuple):
    """What a text says."""

    findings: frozenset[str]  # the coders' finding classes
    labels: frozenset[str]  # of the 14
    graph: Graph


class TextReader:
    """Reads texts with an extractor, each text once."""

    def __init__(self, extractor: Extractor, filing: Filing) -> None:
        self.name = extractor.name
        self.model_id = extractor.model_id
        self.failed: set[str] = set()
        """texts that the extractor failed on: they say nothing"""
        self._extractor = extractor
        self._filing = filing
        self._known: dict[str, Said] = {"": Said(frozenset(), frozenset(), _NOTHING)}

    def read(self, texts: Sequence[str]) -> list[Said]:
        """Return what each text says, in order."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        rows = extract_rows(self._extractor, list(starmap(make_sentence_study, enumerate(new))))
        for text, row in zip(new, rows, strict=True):
            if row.status == "failed":
                self.failed.add(text)
            self._known[text] = self._file(row)
        return [self._known[text] for text in texts]

    def _file(self, row: Extraction) -> Said:
        doubted = self._filing.doubted
        stated = list_stated_findings(row)
        names = {name for name, evidence in stated if evidence == "certain" or name in doubted}
        return Said(self._filing.predict_findings(row), name_labels(names), to_graph(row))


def load_readers(names: Sequence[str]) -> list[Extractor]:
    """Return the extractors of these names, as `load_extractor` knows them.

    Raises:
        ConfigError: there is none, or one is named twice.
        ExtractorError: there is no extractor of that name, or it reads no reports.
    """
    if not names or len(set(names)) < len(names):
        raise ConfigError(f"readers {', '.join(names)!r}: name at least one, each once")
    return [load_extractor(name, "report") for name in names]
