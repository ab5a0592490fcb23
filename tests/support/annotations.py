"""Write radkg/gold/annotations from the annotators' files; the text of Open-i stays outside.

python -m tests.support.annotations FOLDER

FOLDER holds reports.jsonl, openi_sentences.jsonl (with text), vocabulary.csv, names.csv, guide.md.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from radkg.archive import open_archive
from radkg.schema.records import Study

OUT = Path(__file__).parents[2] / "radkg" / "gold" / "annotations"
COPIED = ("vocabulary.csv", "names.csv", "guide.md")
_STYLES = {
    "intensive care": ("r1", "r15", "r22"),
    "emergency and outpatient": ("r2", "r16"),
    "academic": ("r9", "r10", "r17"),
    "Californian and community": ("r3", "r18"),
    "template": ("r4", "r12", "r19", "r24"),
    "international": ("r5", "r13", "r26"),
    "telegraphic": ("r7", "r20", "r25"),
    "prose": ("r8", "r23"),
    "rare": ("r14", "r21"),
    "series": ("r11",),
    "post-operative and neonatal": ("r6",),
}
STYLE_OF = {prefix: style for style, prefixes in _STYLES.items() for prefix in prefixes}
"""by the first part of a report's id: the annotators wrote one style a folder"""


def write_annotations(folder: Path, out: Path) -> None:
    """Write the files of the package, equal bytes for equal files."""
    _write_lines(out / "reports.jsonl", _list_reports(folder))
    _write_lines(out / "openi_sentences.jsonl", _list_sentences(folder))
    for name in COPIED:
        (out / name).write_bytes((folder / name).read_bytes())


def _list_reports(folder: Path) -> Iterator[dict[str, Any]]:
    for row in _read_lines(folder / "reports.jsonl"):
        style = STYLE_OF[row["id"].partition("-")[0]]
        yield {"id": row.pop("id"), "style": style, "description": row.pop("style"), **row}


def _list_sentences(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield each sentence with its first place in Open-i's training split in place of its text."""
    archive = open_archive("openi")
    records = [r for r in archive.index().to_pylist() if r["split"] == "train"]
    studies = [s for s in archive.read(records) if isinstance(s, Study)]
    for row in _read_lines(folder / "openi_sentences.jsonl"):
        text = row.pop("text")
        study = next(s for s in studies if text in s.report)
        start = study.report.index(text)
        if "second" in row:
            row["second"] = [{"sentence": 0, **row["second"]}]
        place = {"study_id": study.study_id, "start": start, "end": start + len(text)}
        digest = sha256(text.encode()).hexdigest()
        yield {"id": row.pop("id"), **place, "sha256": digest, **row}


def _read_lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def _write_lines(path: Path, rows: Iterator[dict[str, Any]]) -> None:
    lines = (json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in rows)
    path.write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    write_annotations(Path(sys.argv[1]), OUT)
