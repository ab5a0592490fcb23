"""How right an extractor is against the human codes of an archive, beside floors on the same split.

Gold are Open-i's MeSH codes (gold/codes.py). Two targets: `copy`, an extraction of what
the report states, filed as the coders would; `codes`, what a model says the coders would file. The
same scores, rates and floors for both; what each figure means stands in the report. A third
target, `radgraph`, needs no codes: see `radkg/evaluation/radgraph.py`. The fourth, `report`, scores
reports that were written from images: see `radkg/evaluation/reports/`.
"""

from __future__ import annotations

from typing import Any

from radkg.evaluation.copying import has_asserted_finding
from radkg.evaluation.evaluation_set import EvaluationSet, open_evaluation_set
from radkg.evaluation.floors import Floors
from radkg.evaluation.report import check_question, make_report
from radkg.extractor import CodesReader, Extractor, load_extractor
from radkg.schema.linearize import Target
from radkg.schema.records import Condition

__all__ = [
    "CodesReader",
    "EvaluationSet",
    "check_question",
    "evaluate",
    "has_asserted_finding",
    "make_report",
    "open_evaluation_set",
]


def evaluate(
    archive_uri: str,
    extractor: str | Extractor | CodesReader,
    split: str = "test",
    *,
    target: Target = "copy",
    condition: Condition | None = None,
    images: str | None = None,
    floors: Floors | None = None,
) -> dict[str, Any]:
    """Return the scores of an extractor as JSON-ready values; the definitions stand inside.

    Args:
        archive_uri: Open-i, the one archive with human codes: `openi`, or the path of a copy.
        extractor: a name for `load_extractor`, or the extractor itself; `ngram` is the floor.
        split: `test` (NegBio's list without texts that also occur in training) or `train`.
        target: `copy`, extractions filed as the coders would, or `codes`, from a CodesReader.
        condition: what the extractor may use; None: what it uses by itself, without images the
            report alone.
        images: directory with the archive's images; only studies with one at hand are scored.
        floors: `quick`, or `all` with the rules and the n-gram model, which takes 20 s to train;
            None: quick for `copy`, all for `codes`.

    Raises:
        ArchiveError: the archive has no human codes, or no usable study in the split.
        ExtractorError: there is no such extractor, or it cannot do what is asked.
        ConfigError: the condition needs images, and none are given.
        ValueError: split, target, condition or floors has no such name.
    """
    check_question(split, target, condition, floors, images)  # before the work
    if isinstance(extractor, str) and extractor != "ngram":
        extractor = load_extractor(extractor, condition)
    eval_set = open_evaluation_set(archive_uri, split, images)
    return make_report(eval_set, extractor, target=target, condition=condition, floors=floors)
