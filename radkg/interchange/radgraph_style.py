"""Write the annotated reports of radkg as RadGraph JSON, in the layout of the published RadGraph.

`train.json` and `kept_out.json` hold whole reports. `two_annotators.json` holds the sentences that
two annotators marked, as the test split of RadGraph does: `labeler_1` and `labeler_2`. Open-i's
sentences are left out: a copy of their text with labels is an adaptation, which its licence
(CC BY-NC-ND) lets nobody pass on, and a file on disk is easily passed on.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import radkg
from radkg.gold.annotated import (
    ANNOTATIONS,
    REPORTS,
    AnnotatedText,
    cut_reading,
    is_kept_out,
    read_annotated_reports,
)
from radkg.schema.linearize import Reading
from radkg.schema.radgraph import to_document
from radkg.schema.records import Entity, Extraction, Relation
from radkg.storage import LocalStorage

NAME = "radgraph-style"
TRAIN = "train.json"
KEPT_OUT = "kept_out.json"
TWO_ANNOTATORS = "two_annotators.json"
README = "README.md"
_COPIED = ("guide.md", "vocabulary.csv", "names.csv")

_HEAD = """# radgraph-style: invented chest X-ray reports in RadGraph's schema

radkg {version} wrote this folder: `radkg data radgraph-style DIR`. The reports are invented, so no
patient stands behind them. Language models annotated the reports by the rules of `guide.md`.
**The labels are model-made, not human.** RadGraph itself (Jain et al., NeurIPS 2021) is another
data set, under PhysioNet's agreement; nothing of RadGraph is in here.

| file | what |
|---|---|
| `{train}` | {num_train} reports to train on |
| `{kept_out}` | {num_kept_out} reports to measure on: train on none of them |
| `{two}` | {num_two} sentences of both files, marked by two annotators apart |
| `guide.md` | the annotation guide |
| `vocabulary.csv`, `names.csv` | forms and phrases of the texts, with their concepts |

The layout is RadGraph's JSON. `start` and `end` of an entity count characters of `text`. The line
ends of a report are part of `text`. A blank was put where an entity begins or ends inside a token;
`radkg.inserted_blanks` has the places. `sentences` are the parts of the report that were read, in
characters of the report without those blanks. The key `r1-01:510` of a sentence says: report
`r1-01`, from character 510.

"""


@dataclass(frozen=True, kw_only=True)
class StyleReport:
    """What was written, and where."""

    train: int
    kept_out: int
    two_annotators: int
    directory: str


def write_radgraph_style(directory: Path) -> StyleReport:
    """Write the data set into a directory; twice gives equal bytes.

    Raises:
        StorageError: the directory cannot be written.
    """
    storage = LocalStorage(directory)
    reports = read_annotated_reports()
    files: dict[str, dict[str, Any]] = {TRAIN: {}, KEPT_OUT: {}, TWO_ANNOTATORS: {}}
    for report in reports:
        name = KEPT_OUT if is_kept_out(report.text) else TRAIN
        files[name][report.text_id] = _make_document(report, Path(name).stem)
        files[TWO_ANNOTATORS] |= _make_double_documents(report, Path(name).stem)
    for name, documents in files.items():
        text = json.dumps(documents, indent=1, ensure_ascii=False) + "\n"
        storage.write(name, text.encode())
    for name in _COPIED:
        storage.write(name, ANNOTATIONS.joinpath(name).read_bytes())
    counts = [len(documents) for documents in files.values()]
    storage.write(README, _write_readme(*counts).encode())
    return StyleReport(
        train=counts[0], kept_out=counts[1], two_annotators=counts[2], directory=str(directory)
    )


def _make_document(report: AnnotatedText, split: str) -> dict[str, Any]:
    reading = Reading(report.spans, report.links)
    extraction = _make_extraction(report.text_id, report.text, reading)
    extra = {
        **_describe(report, split),
        "sentences": [list(place) for place in report.sentences],
    }
    return to_document(extraction, report.text, extra=extra)


def _make_double_documents(report: AnnotatedText, split: str) -> dict[str, Any]:
    """Return one document for each sentence that two annotators marked, by its key."""
    found = {}
    for second in report.second:
        key, text = f"{report.text_id}:{second.start}", report.text[second.start : second.end]
        one = cut_reading(report.spans, report.links, second.start, second.end)
        other = cut_reading(second.spans, second.links, second.start, second.end)
        document = to_document(_make_extraction(key, text, _join(one, other)), text)
        entities = list(document.pop("entities").items())  # of both, for one text with all blanks
        count = len(one.spans)
        found[key] = {
            **document,
            **_describe(report, split),
            "labeler_1": {"entities": dict(entities[:count])},
            "labeler_2": {"entities": dict(entities[count:])},
        }
    return found


def _join(one: Reading, other: Reading) -> Reading:
    """Return both readings as one: the spans of `other` stand behind those of `one`."""
    first = len(one.spans)
    links = [(first + head, first + tail, relation) for head, tail, relation in other.links]
    return Reading((*one.spans, *other.spans), (*one.links, *links))


def _describe(report: AnnotatedText, split: str) -> dict[str, Any]:
    return {
        "data_source": NAME,
        "data_split": split,
        "style": report.style,
        "description": report.description,
    }


def _make_extraction(text_id: str, text: str, reading: Reading) -> Extraction:
    entities = tuple(
        Entity(text[start:end], label, " ".join(text[start:end].lower().split()), start, end, None)
        for start, end, label in reading.spans
    )
    return Extraction(
        study_id=text_id,
        subject_id=text_id,
        archive=NAME,
        study_date=None,
        status="ok" if entities else "empty",
        reason=None,
        entities=entities,
        relations=tuple(Relation(*link) for link in reading.links),
        extractor="language-model annotators",
        model_id=sha256(ANNOTATIONS.joinpath(REPORTS).read_bytes()).hexdigest()[:16],
        condition="report",
        study_fingerprint=sha256(text.encode()).hexdigest()[:16],
        radkg_version=radkg.__version__,
    )


def _write_readme(num_train: int, num_kept_out: int, num_two: int) -> str:
    """Return the readme: what is here, then how the labels were made, as the package says it."""
    head = _HEAD.format(
        version=radkg.__version__,
        train=TRAIN,
        kept_out=KEPT_OUT,
        two=TWO_ANNOTATORS,
        num_train=num_train,
        num_kept_out=num_kept_out,
        num_two=num_two,
    )
    packaged = ANNOTATIONS.joinpath(README).read_text(encoding="utf-8")
    return head + packaged[packaged.index("## Kept out of training") :]
