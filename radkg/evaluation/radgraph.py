"""Target `radgraph`: spans, labels and relations of an extractor against gold graphs of texts.

An extractor gets each text through the door of `radkg extract`: an archive of reports is written,
opened and read, so sections, headings and line ends are treated as in any archive. Everything that
the gold marks counts, also outside of the sections that radkg reads. The rules are the floor. What
a second annotator agrees with is the ceiling.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from radkg.archive import open_archive
from radkg.errors import ArchiveError, ConfigError
from radkg.evaluation.copying import extract_all
from radkg.evaluation.radgraph_definitions import DEFINITIONS
from radkg.evaluation.radgraph_gold import Gold, GoldText, read_gold
from radkg.evaluation.radgraph_scores import (
    measure_confidence,
    score_graphs,
    score_names,
    score_styles,
)
from radkg.evaluation.readers import apply_condition
from radkg.evaluation.unseen import make_sentence_study
from radkg.extractor import Extractor, load_extractor
from radkg.metrics.radgraph_f1 import Graph, to_graph
from radkg.private import write_text
from radkg.rules import RulesExtractor
from radkg.schema.records import Condition, Extraction, Study, Unreadable

TARGET = "radgraph"


def evaluate_radgraph(
    gold: Sequence[str], extractor: str | Extractor, condition: Condition | None = None
) -> dict[str, Any]:
    """Return the scores of an extractor on gold graphs as JSON-ready values, with definitions.

    Args:
        gold: `radgraph-style` or `openi-sentences`, the kept-out tenth of what radkg carries; or a
            file of RadGraph JSON; or two files, whose agreement is the ceiling.
        extractor: a name for `load_extractor`, or the extractor itself.
        condition: `report`, or None for what the extractor uses by itself; the texts have no image.

    Raises:
        ArchiveError: a text cannot be read, or Open-i is not installed.
        ConfigError: no such gold, or a condition that needs an image.
        ExtractorError: there is no such extractor, or it cannot read the report alone.
        SchemaError, StorageError: a file is not RadGraph JSON, or cannot be read.
    """
    if condition not in (None, "report"):
        raise ConfigError(f"--target {TARGET} has no images: leave --condition {condition} out")
    known = read_gold(gold)
    reader = load_extractor(extractor, condition) if isinstance(extractor, str) else extractor
    reader = apply_condition(reader, condition)
    studies = read_studies(known)
    rows = extract_all(reader, studies)
    conditions = {row.condition for row in rows if row.status != "failed"}
    floor = RulesExtractor()
    floors = {}
    if reader.model_id != floor.model_id:
        floors["rules"] = _score(
            known.texts, [to_graph(row) for row in extract_all(floor, studies)]
        )
    ceiling = None
    if known.doubles:
        one, other = zip(*known.doubles, strict=True)
        scores = {**score_graphs(one, other), **score_names(one, other)}
        ceiling = {"of": len(one), "are": known.doubles_are, **scores}
    return {
        **_score(known.texts, [to_graph(row) for row in rows]),
        "floors": floors,
        "ceiling": ceiling,
        "calibration": measure_confidence([each.graph for each in known.texts], rows),
        "target": TARGET,
        "gold": known.name,
        "texts": len(known.texts),
        "text_is": "sentence" if known.is_sentences else "report",
        "failed": sum(row.status == "failed" for row in rows),
        "reasons": _list_reasons(known.texts, rows),
        "condition": conditions.pop() if len(conditions) == 1 else reader.condition,
        "extractor": reader.name,
        "model_id": reader.model_id,
        "definitions": DEFINITIONS,
    }


def read_studies(gold: Gold) -> list[Study | Unreadable]:
    """Return each text of a gold as a study, read as `radkg extract` reads an archive.

    A sentence is a study of its own, all findings.

    Raises:
        ArchiveError: an archive gave another text than the gold's.
    """
    if gold.is_sentences:
        return [make_sentence_study(i, each.text) for i, each in enumerate(gold.texts)]
    with TemporaryDirectory() as folder:
        file = Path(folder) / "gold.jsonl"
        rows = ({"study_id": f"text-{i}", "report": t.text} for i, t in enumerate(gold.texts))
        write_text(file, "".join(json.dumps(row) + "\n" for row in rows))
        archive = open_archive(str(file))
        studies = list(archive.read(archive.index().to_pylist()))
    for each, study in zip(gold.texts, studies, strict=True):
        if isinstance(study, Study) and study.report != each.text:
            raise ArchiveError(
                f"text {each.text_id} of {gold.name} was read as another text: report this as a bug"
            )
    return studies


def _score(texts: Sequence[GoldText], found: Sequence[Graph]) -> dict[str, Any]:
    gold = [each.graph for each in texts]
    return {
        **score_graphs(gold, found),
        **score_names(gold, found),
        "per_style": score_styles([each.style for each in texts], gold, found),
    }


def _list_reasons(texts: Sequence[GoldText], rows: Sequence[Extraction]) -> dict[str, str]:
    """Return why the first texts failed, by their ids."""
    pairs = zip(texts, rows, strict=True)
    failed = [(text.text_id, row.reason or "") for text, row in pairs if row.status == "failed"]
    return dict(failed[:10])
