"""Rates of an answer, corrected for the measured error of the extractor that filled the graph.

`radkg evaluate --errors FILE` measures an extractor against human codes and writes a table: the
counts behind the sensitivity and specificity of each finding. Tables of the shipped extractors lie
in measured/. A table holds for one model under one condition; where the graph holds anything else,
or the table does not know a finding, the corrected columns are null.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from radkg.errors import ConfigError
from radkg.graph.engine.client import Graph
from radkg.graph.packaged import read_packaged_texts
from radkg.metrics.prevalence import ErrorCounts, correct_prevalence
from radkg.schema.answer import Answer, Cell

COLUMNS = ("corrected", "low", "high")

_PREVALENCE = re.compile(r"// corrected: (\$?\w+)(?: where (\w+) = (\w+))?")
_READERS = """
MATCH (extraction:Extraction)
WHERE extraction.status = 'ok'
RETURN DISTINCT extraction.model_id AS model_id, extraction.condition AS condition
ORDER BY model_id, condition
"""


@dataclasses.dataclass(frozen=True)
class ErrorTable:
    """The error of one model under one condition, by the name of the finding."""

    model_id: str
    condition: str
    findings: Mapping[str, ErrorCounts]


@dataclasses.dataclass(frozen=True)
class Prevalence:
    """Which rows of an answer are the prevalence of a finding, and of which.

    `finding` is a column, or with $ a parameter. Where `only` is a column and a value, the rows
    with that value are; else all. Written `// corrected: $finding where certainty = present`.
    """

    finding: str
    only: tuple[str, str] | None

    @classmethod
    def parse(cls, line: str) -> Prevalence | None:
        """Return what a line of a query's head says; None where it is no such line."""
        match = _PREVALENCE.fullmatch(line)
        if match is None:
            return None
        finding, column, value = match.groups()
        return cls(finding, (column, value) if column else None)

    def find_finding(self, row: Mapping[str, Cell], parameters: Mapping[str, Cell]) -> str | None:
        """Return the finding whose prevalence a row gives; None where it gives none."""
        if self.only is not None and row[self.only[0]] != self.only[1]:
            return None
        name = self.finding
        return str(parameters[name[1:]] if name.startswith("$") else row[name])


def read_shipped_tables() -> list[ErrorTable]:
    """Return the tables of the extractors in this package."""
    return [
        parse_table(text, name) for name, text in read_packaged_texts("measured", ".json").items()
    ]


def read_table(path: Path) -> ErrorTable:
    """Return the table in a file.

    Raises:
        ConfigError: there is no such file, or it holds no table.
    """
    try:
        return parse_table(path.read_text("utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the table of errors {path}: {error}") from error


def parse_table(text: str, name: str) -> ErrorTable:
    """Return the table in JSON text; `name` is for the message.

    Raises:
        ConfigError: the text holds no table.
    """
    try:
        found: Any = json.loads(text)
        findings = {key: ErrorCounts(**counts) for key, counts in found["findings"].items()}
        return ErrorTable(str(found["model_id"]), str(found["condition"]), findings)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConfigError(
            f"{name} is no table of errors as `radkg evaluate --errors FILE` writes it: {error!r}"
        ) from error


def find_table(graph: Graph, tables: Sequence[ErrorTable]) -> ErrorTable | None:
    """Return the table of the one model and condition that read all studies; None if there is none.

    None also where several read them: a study then counts with the strongest reading, and no table
    says how often that is wrong.
    """
    readers = graph.read(_READERS)
    return choose_table([(row["model_id"], row["condition"]) for row in readers], tables)


def choose_table(
    readers: Sequence[tuple[str, str]], tables: Sequence[ErrorTable]
) -> ErrorTable | None:
    """Return the table of the one model and condition among readers; None: several, or no table."""
    known = {(table.model_id, table.condition): table for table in tables}
    return known.get(readers[0]) if len(readers) == 1 else None


def add_corrected(answer: Answer, of: Prevalence, table: ErrorTable | None) -> Answer:
    """Return the answer with COLUMNS beside its raw rates: null where nothing was measured."""
    rows = []
    for row in answer.rows:
        cells = dict(zip(answer.columns, row, strict=True))
        finding = of.find_finding(cells, answer.parameters)
        error = table.findings.get(finding) if table is not None and finding is not None else None
        rows.append([*row, *_compute_corrected(cells, error)])
    return dataclasses.replace(answer, columns=[*answer.columns, *COLUMNS], rows=rows)


def _compute_corrected(row: Mapping[str, Cell], error: ErrorCounts | None) -> list[Cell]:
    studies, of = row["studies"], row["of"]
    assert isinstance(studies, int)
    assert isinstance(of, int)
    found = correct_prevalence(studies, of, error) if error is not None else None
    return [None] * len(COLUMNS) if found is None else list(found)
