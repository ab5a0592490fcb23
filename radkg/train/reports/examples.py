"""Studies as what a report model learns from: what it sees, what it is to write.

B rows, V views, T tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from radkg.archive import open_archive
from radkg.archive.formats.openi import OpenI
from radkg.gold.codes import Gold, parse_gold
from radkg.gold.filing import list_gold_findings
from radkg.model.report.files import save_r2genkg
from radkg.model.report.r2genkg import R2GenKG
from radkg.model.report.wording import collate_reports
from radkg.schema.records import Study
from radkg.train.reports.texts import make_target
from radkg.train.stage_task import Batch

MAX_FINDINGS = 8  # of one study that are shown


@dataclass(frozen=True, slots=True)
class ReportExample:
    """One study."""

    study_id: str
    image_ids: tuple[str, ...]
    """of the images at hand"""
    text: str
    findings: tuple[str, ...] = ()
    """as coders filed them, sorted; () where nobody did"""


class ReportTask:
    """A model, its examples as tokens, and what it sees: a StageTask.

    Args:
        model: R2GenKG.
        examples: the studies.
        seen: what is seen of each image, by image id; not used where the model sees findings.
    """

    def __init__(
        self, model: R2GenKG, examples: Sequence[ReportExample], seen: Mapping[str, Tensor]
    ) -> None:
        self.model = model
        self._examples, self._seen = examples, seen
        language = model.generator.language
        self._rows = [language.encode_report(example.text) for example in examples]
        self.lengths = [len(row) for row in self._rows]

    def collate(self, members: Sequence[int], seed: int) -> Batch:
        """Return the batch; nothing in it is random."""
        reports = [self._rows[i] for i in members]
        batch = collate_reports(reports, self.model.generator.language.pad_id)
        return batch | show([self._examples[i] for i in members], self._seen, self.model)

    def save(self, directory: Path, weights: dict[str, Tensor], notes: str) -> None:
        """Write the model directory, in half precision."""
        save_r2genkg(directory, self.model, weights, notes)


def read_studies(
    archive_uri: str, images: str | None, split: str, limit: int | None
) -> tuple[list[Study], dict[str, Gold]]:
    """Return the studies of a split that have an image at hand, and usable human codes by id.

    Args:
        archive_uri: the archive; without codes where it has none.
        images: directory with its images.
        split: `train` or `test`.
        limit: first N records of the split; None: all.
    """
    archive = open_archive(archive_uri, images)
    records = [r for r in archive.index().to_pylist() if r["split"] == split][:limit]
    golds: dict[str, Gold] = {}
    if isinstance(archive, OpenI):
        made = {key: parse_gold(codes) for key, codes in archive.read_codes(records).items()}
        golds = {key: gold for key, gold in made.items() if gold.usable}
    readable = (study for study in archive.read(records) if isinstance(study, Study))
    return [s for s in readable if any(i.location for i in s.images)], golds


def make_examples(
    studies: Iterable[Study],
    golds: Mapping[str, Gold],
    seen: Iterable[str],
    *,
    with_text: bool = True,
) -> list[ReportExample]:
    """Return the studies that have an image in `seen`.

    Args:
        studies: what to take.
        golds: human codes by study id, as far as there are any.
        seen: ids of the images that can be shown.
        with_text: whether a study without a text to learn is left out.
    """
    known = frozenset(seen)
    found = []
    for study in studies:
        ids = tuple(dict.fromkeys(i.image_id for i in study.images if i.image_id in known))
        text = make_target(study)
        if ids and (text or not with_text):
            gold = golds.get(study.study_id)
            findings = tuple(sorted(list_gold_findings(gold))) if gold else ()
            found.append(ReportExample(study.study_id, ids, text, findings))
    return found


def show(
    examples: Sequence[ReportExample], seen: Mapping[str, Tensor], model: R2GenKG
) -> dict[str, Tensor]:
    """Return `seen` (B, V, ...) and `is_view` (B, V) of studies, as the model takes them."""
    sight = model.config.sight
    if sight.kind == "findings":
        place = {name: i + 1 for i, name in enumerate(sight.findings)}
        rows = torch.zeros(len(examples), 1, sight.tokens, dtype=torch.int64)
        for i, example in enumerate(examples):
            known = [place[name] for name in example.findings if name in place][: sight.tokens]
            rows[i, 0, : len(known)] = torch.tensor(known, dtype=torch.int64)
        return {"seen": rows, "is_view": torch.ones(len(examples), 1, dtype=torch.bool)}
    views = max(len(example.image_ids) for example in examples)
    one = seen[examples[0].image_ids[0]]
    stacked = torch.zeros(len(examples), views, *one.shape, dtype=one.dtype)
    is_view = torch.zeros(len(examples), views, dtype=torch.bool)
    for i, example in enumerate(examples):
        for j, image_id in enumerate(example.image_ids):
            stacked[i, j], is_view[i, j] = seen[image_id], True
    return {"seen": stacked, "is_view": is_view}
