"""What changed between two published snapshots: studies, findings, and by what cause.

changes.py finds the rows that differ; this file compares their two readings. Where a finding
changed, `count_findings` reads all rows of the earlier snapshot, to count who has the finding.
Memory is bounded by the rows that differ, one part and the number of concepts. No report is read:
the evidence is the mentions, which hold their words.

The cause of a changed study is what differs between its two rows. Where several things do, they
stand together ("data+model"), for two rows cannot tell which of them it was:

    data         the study's fingerprint, patient, date, view positions, age or sex; also a study
                 that came or went
    model        extractor or model_id, a hash of weights, settings, reading code and word lists
    vocabulary   in place of `model` where the data and every mention and relation are the same and
                 only concepts have other names. A word list that finds other mentions cannot be
                 told from other rules or weights: that is `model`
    code         the version of radkg that wrote the row
    unknown      none of them, but what was read differs: a failure that passed, or an extractor
                 that does not give one answer
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from operator import itemgetter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from radkg.errors import SnapshotError
from radkg.run.changes import Changes, find_changes
from radkg.run.snapshot import Snapshot
from radkg.schema.arrow import READABLE
from radkg.schema.findings import list_findings
from radkg.schema.mentions import STATES
from radkg.schema.records import Entity

CAUSES = {
    "data": (
        *("study_fingerprint", "subject_id", "study_date"),
        *("view_positions", "age", "sex"),
    ),
    "model": ("extractor", "model_id"),
    "code": ("radkg_version",),
}
READING = ("status", "reason", "entities", "relations")  # what an extractor says of a study
NUM_EVIDENCE = 3

_OF_STUDIES = ("added", "removed", "changed")
OF_CAUSES = ("studies", "read_differently", "added", "removed", "flipped")
_BATCH_ROWS = 200  # of each snapshot as Python objects at a time

ExtractionRow = Mapping[str, Any]  # of the extraction table


@dataclass(frozen=True)
class Evidence:
    """One study in which a finding changed, with its strongest mention in either snapshot."""

    study_id: str
    change: str
    """added, removed, or a flip such as `present to absent`"""
    cause: str
    before: Entity | None
    after: Entity | None

    @property
    def kind(self) -> str:
        """What is counted: added, removed or flipped."""
        return self.change if self.change in ("added", "removed") else "flipped"


@dataclass
class FindingChange:
    """How one finding changed, in numbers of studies: `after` = `before` + `added` - `removed`.

    A study that failed, or does not stand, has no findings.
    """

    finding: str
    before: int = 0
    """studies that had the finding, in whatever state"""
    after: int = 0
    added: int = 0
    removed: int = 0
    flipped: int = 0
    """studies that have it in both snapshots, in another state: the sum of `flips`"""
    flips: dict[str, int] = field(default_factory=dict)
    """`present to absent` and so on"""
    evidence: list[Evidence] = field(default_factory=list)
    """the first studies of each kind of change"""

    @property
    def share(self) -> float:
        """Flips by the studies that had the finding."""
        return self.flipped / self.before if self.before else 0.0

    def add(self, evidence: Evidence, num_evidence: int) -> None:
        """Count one study."""
        kind = evidence.kind
        setattr(self, kind, getattr(self, kind) + 1)
        if kind == "flipped":
            self.flips[evidence.change] = self.flips.get(evidence.change, 0) + 1
        if sum(known.change == evidence.change for known in self.evidence) < num_evidence:
            self.evidence.append(evidence)


@dataclass(frozen=True)
class Diff:
    """The difference between two snapshots of one archive."""

    archive: str
    before: Mapping[str, Any]
    """the snapshot: out, snapshot_id, extractor, model_id, studies"""
    after: Mapping[str, Any]
    studies: Mapping[str, int]
    """added, removed, changed (in anything, be it the model_id alone) and same"""
    study_ids: Mapping[str, list[str]]
    """the first of the added, removed and changed studies"""
    statuses: Mapping[str, int]
    """`ok to failed` and so on, of studies that stand in both snapshots"""
    causes: Mapping[str, Mapping[str, int]]
    """studies with this cause, those whose reading differs, and the findings that changed there"""
    findings: list[FindingChange]
    """those that changed, most flips first"""

    def to_dict(self) -> dict[str, Any]:
        """Return everything, equal for equal snapshots."""
        shares = [{**asdict(change), "share": change.share} for change in self.findings]
        return {**asdict(self), "findings": shares}


def count_findings(snapshot: Snapshot) -> Counter[str]:
    """Return how many studies of a snapshot have each finding."""
    counts: Counter[str] = Counter()
    for part in snapshot.read_tables(("entities", "relations", "extractor")):
        for batch in part.to_batches():
            findings = pc.list_flatten(list_findings(batch, ("name",)))
            for count in pc.value_counts(pc.struct_field(findings, "name")).to_pylist():
                counts[count["values"]] += count["counts"]
    return counts


def compare_snapshots(
    before: Snapshot,
    after: Snapshot,
    num_evidence: int = NUM_EVIDENCE,
    differ: Changes | None = None,
    count: Callable[[Snapshot], Counter[str]] = count_findings,
) -> Diff:
    """Compare two snapshots of one archive.

    Args:
        before: the snapshot to start from; snapshots do not know which of two is older.
        after: the snapshot that is compared with it.
        num_evidence: how many studies of each kind of change are named, the first by study_id.
        differ: the rows that differ, where they are known.
        count: gives how many studies of a snapshot have each finding.

    Raises:
        SnapshotError: they are of two archives or of another schema, or a part is damaged.
    """
    _check_comparable(before, after)
    differ = find_changes(before, after, differ)
    studies = dict.fromkeys(_OF_STUDIES, 0)
    study_ids: dict[str, list[str]] = {kind: [] for kind in _OF_STUDIES}
    statuses: Counter[str] = Counter()
    causes: dict[str, Counter[str]] = defaultdict(lambda: Counter(dict.fromkeys(OF_CAUSES, 0)))
    changes: dict[str, FindingChange] = {}

    for study_id, old, new in _pair(differ.before, differ.after):
        had, has = _strongest_mentions(old), _strongest_mentions(new)
        kind = "added" if old is None else "removed" if new is None else "changed"
        studies[kind] += 1
        if len(study_ids[kind]) < num_evidence:
            study_ids[kind].append(study_id)
        if old and new and old["status"] != new["status"]:
            statuses[f"{old['status']} to {new['status']}"] += 1
        cause = _cause(old, new)
        causes[cause]["studies"] += 1
        causes[cause]["read_differently"] += _reading(old) != _reading(new)
        for finding in had.keys() | has.keys():
            change = _change(had.get(finding), has.get(finding))
            if change:
                evidence = Evidence(study_id, change, cause, had.get(finding), has.get(finding))
                causes[cause][evidence.kind] += 1
                changes.setdefault(finding, FindingChange(finding)).add(evidence, num_evidence)

    num_before = count(before) if changes else Counter()
    for finding, found in changes.items():
        found.before = num_before[finding]
        found.after = found.before + found.added - found.removed
        found.flips = dict(sorted(found.flips.items()))
    return Diff(
        archive=before.archive,
        before=describe_snapshot(before),
        after=describe_snapshot(after),
        studies=studies | {"same": before.num_studies - studies["removed"] - studies["changed"]},
        study_ids=study_ids,
        statuses=dict(sorted(statuses.items())),
        causes={cause: dict(causes[cause]) for cause in sorted(causes)},
        findings=sorted(
            changes.values(), key=lambda c: (-c.flipped, -c.added - c.removed, c.finding)
        ),
    )


def describe_snapshot(snapshot: Snapshot) -> dict[str, Any]:
    """Return what a comparison says of one of its snapshots."""
    return {
        "out": snapshot.storage.uri,
        "snapshot_id": snapshot.snapshot_id,
        "extractor": snapshot.extractor,
        "model_id": snapshot.manifest["model_id"],
        "studies": snapshot.num_studies,
    }


def _check_comparable(before: Snapshot, after: Snapshot) -> None:
    if before.archive != after.archive:
        raise SnapshotError(
            f"snapshots of two archives, {before.archive} and {after.archive}: their study_ids do "
            "not mean the same studies"
        )
    for snapshot in (before, after):
        if snapshot.manifest["schema_version"] not in READABLE:
            raise SnapshotError(
                f"snapshot {snapshot.snapshot_id} under {snapshot.storage.uri} has schema version "
                f"{snapshot.manifest['schema_version']}, this radkg reads {', '.join(READABLE)}"
            )


def _pair(
    before: pa.Table, after: pa.Table
) -> Iterator[tuple[str, ExtractionRow | None, ExtractionRow | None]]:
    """Yield each study_id with its two rows; None where it stands in one snapshot only."""
    merged = heapq.merge(
        ((row["study_id"], "before", row) for row in _rows(before)),
        ((row["study_id"], "after", row) for row in _rows(after)),
        key=itemgetter(0),
    )
    for study_id, found in itertools.groupby(merged, itemgetter(0)):
        rows = {side: row for _, side, row in found}
        yield study_id, rows.get("before"), rows.get("after")


def _rows(table: pa.Table) -> Iterator[ExtractionRow]:
    """Yield rows, each with its `findings`."""
    for batch in table.to_batches(max_chunksize=_BATCH_ROWS):
        findings = list_findings(batch, ("name", "strongest"))
        yield from batch.append_column("findings", findings).to_pylist()


def _strongest_mentions(row: ExtractionRow | None) -> dict[str, Entity]:
    """Return the study's findings, each with the mention that gives it its label."""
    if row is None:
        return {}
    entities = row["entities"]
    return {each["name"]: Entity(**entities[each["strongest"]]) for each in row["findings"]}


def _change(old: Entity | None, new: Entity | None) -> str | None:
    if old is None or new is None:
        return "added" if old is None else "removed"
    return f"{STATES[old.label]} to {STATES[new.label]}" if old.label != new.label else None


def _cause(old: ExtractionRow | None, new: ExtractionRow | None) -> str:
    if old is None or new is None:
        return "data"
    differ = [cause for cause, names in CAUSES.items() if any(old[n] != new[n] for n in names)]
    if "data" not in differ and _only_renamed(old, new):
        differ = [*(cause for cause in differ if cause != "model"), "vocabulary"]
    return "+".join(differ) or "unknown"


def _reading(row: ExtractionRow | None) -> list[Any] | None:
    return None if row is None else [row[name] for name in READING]


def _only_renamed(old: ExtractionRow, new: ExtractionRow) -> bool:
    """Tell whether concepts have other names, and all else that was read is the same."""

    def unnamed(row: ExtractionRow) -> list[Any]:
        entities = [{**entity, "concept": None} for entity in row["entities"]]
        return _reading({**row, "entities": entities}) or []

    return _reading(old) != _reading(new) and unnamed(old) == unnamed(new)
