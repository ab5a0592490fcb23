"""How often an extractor's graph is wrong on each finding: counts for correcting a prevalence.

What is measured is what the graph says, not what would be filed for it: a study has a finding where
HAS_FINDING would be present (schema/findings.py), under the very name. The gold is what the coders
filed, so a corrected prevalence is that of findings which coders find worth a code.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from radkg.evaluation.reference import References
from radkg.metrics.prevalence import ErrorCounts
from radkg.schema.arrow import to_table
from radkg.schema.findings import list_findings
from radkg.schema.records import Extraction
from radkg.storage import write_atomically

_KEPT = ("archive", "split", "studies", "extractor", "model_id", "condition")


def count_errors(
    rows: Sequence[Extraction], references: References, classes: Iterable[str]
) -> dict[str, ErrorCounts]:
    """Return the counts of each class over the studies with status ok, sorted by name."""
    pairs = [
        (present, known.answer.findings)
        for row, present, known in zip(rows, _list_present(rows), references, strict=True)
        if row.status == "ok"
    ]

    def count(name: str, *, said: bool, coded: bool) -> int:
        return sum((name in a, name in b) == (said, coded) for a, b in pairs)

    return {
        name: ErrorCounts(
            true_positives=count(name, said=True, coded=True),
            false_negatives=count(name, said=False, coded=True),
            true_negatives=count(name, said=False, coded=False),
            false_positives=count(name, said=True, coded=False),
        )
        for name in sorted(classes)
    }


def write_errors(report: Mapping[str, Any], path: Path) -> None:
    """Write the table of a report of `evaluate`, target copy, as JSON with a finding a line.

    What stood at `path` is replaced when all is written.

    Raises:
        StorageError: the file cannot be written.
    """
    head = {name: report[name] for name in _KEPT}
    lines = [f"    {json.dumps(n)}: {json.dumps(c)}" for n, c in report["errors"].items()]
    text = json.dumps(head, indent=2).removesuffix("\n}")
    text += ',\n  "findings": {\n' + ",\n".join(lines) + "\n  }\n}\n"
    with write_atomically(path) as file:
        file.write(text.encode())


def _list_present(rows: Sequence[Extraction]) -> list[frozenset[str]]:
    """Return for each study the names of its findings that are present."""
    return [
        frozenset(each["name"] for each in of_study if each["label"] == "OBS-DP")
        for batch in to_table(rows).to_batches()
        for of_study in list_findings(batch, ("name", "label")).to_pylist()
    ]
