"""Which findings a training image is taken to show: what the coders filed for its study.

An archive without human codes has the present findings of the published extraction instead; those
are a model's reading of the report (silver).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from radkg.archive.formats.openi import OpenI
from radkg.gold.codes import parse_gold
from radkg.gold.filing import list_gold_findings
from radkg.gold.held_out import is_held_out
from radkg.knowledge.members import Members
from radkg.schema.findings import list_findings
from radkg.schema.records import Study

STUDIES_A_LABEL = 1000  # looked at: twice the tokens that a label may have

LabelSource = Literal["human codes", "published extraction (silver)"]
HUMAN: LabelSource = "human codes"
SILVER: LabelSource = "published extraction (silver)"


@dataclass(frozen=True)
class LabelledImage:
    """An image at hand, with the findings of its study."""

    image_id: str
    study_id: str
    location: str
    labels: tuple[str, ...]
    is_held_out: bool
    """of the tenth on which nothing is trained"""


@dataclass(frozen=True)
class Labelling:
    """The images with labels, in the order of study and image ids."""

    images: list[LabelledImage]
    source: LabelSource
    unreadable: frozenset[str]
    """labels of studies with images that were not asked for"""


def label_images(members: Members, names: Sequence[str]) -> Labelling:
    """Return the images whose study has one of the names as a label.

    Of a label that very many studies have, STUDIES_A_LABEL are taken, drawn by the hash of their
    ids.
    """
    records = [r for r in members.index.to_pylist() if any(i["location"] for i in r["images"])]
    source, labels = _read_labels(members, records)
    known = {study: found & frozenset(names) for study, found in labels.items()}
    drawn = _draw({study: found for study, found in known.items() if found})
    wanted = [record for record in records if record["study_id"] in drawn]
    images = {
        (study.study_id, image.image_id): LabelledImage(
            image.image_id,
            study.study_id,
            image.location,
            tuple(sorted(known[study.study_id])),
            is_held_out(study),
        )
        for study in members.archive.read(wanted)
        if isinstance(study, Study)
        for image in study.images
        if image.location is not None
    }
    unreadable = frozenset(name for found in labels.values() for name in found) - set(names)
    return Labelling([images[key] for key in sorted(images)], source, unreadable)


def _read_labels(
    members: Members, records: Iterable[Mapping[str, object]]
) -> tuple[LabelSource, dict[str, frozenset[str]]]:
    """Return the findings of each study that has an image at hand."""
    known = list(records)
    if isinstance(members.archive, OpenI):
        read = members.archive.read_codes(known).items()
        golds = {study: parse_gold(codes) for study, codes in read}
        return HUMAN, {s: list_gold_findings(gold) for s, gold in golds.items() if gold.usable}
    wanted = pa.array([str(record["study_id"]) for record in known], pa.string())
    return SILVER, dict(_list_present(members, wanted))


def _list_present(members: Members, wanted: pa.Array) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield the findings that the published rows call present by the report."""
    columns = ("study_id", "entities", "relations", "extractor")
    for table in members.read_tables(columns):
        for part in table.filter(pc.is_in(table["study_id"], wanted)).to_batches():
            found = list_findings(part, ("name", "by_report")).to_pylist()
            for study, findings in zip(part["study_id"].to_pylist(), found, strict=True):
                yield study, frozenset(f["name"] for f in findings if f["by_report"] == "OBS-DP")


def _draw(labels: Mapping[str, frozenset[str]]) -> set[str]:
    """Return the studies to look at, enough of each label."""
    counts: Counter[str] = Counter()
    drawn = set()
    for study in sorted(labels, key=lambda each: blake2b(each.encode()).digest()):
        if any(counts[label] < STUDIES_A_LABEL for label in labels[study]):
            drawn.add(study)
            counts.update(labels[study])
    return drawn
