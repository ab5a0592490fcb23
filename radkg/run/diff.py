"""What changed between two published snapshots: studies, findings, and by what cause.

One merge by study_id over the parts that differ. Parts with equal hashes hold equal rows: they are
read only where a finding changed, to count who has it. Memory is bounded by two parts and the
number of concepts. No report is read: the evidence is the mentions, which hold their words.

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
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from operator import itemgetter
from typing import Any

from radkg.errors import ConfigError, SnapshotError, TooManyFlips
from radkg.run.snapshot import Snapshot, read_snapshot
from radkg.schema.arrow import READABLE
from radkg.schema.findings import list_findings
from radkg.schema.mentions import STATES
from radkg.schema.records import Entity
from radkg.storage import Storage, open_storage

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
MIN_SUPPORT = 20
NUM_SHOWN = 20

_OF_STUDIES = ("added", "removed", "changed")
_OF_CAUSES = ("studies", "read_differently", "added", "removed", "flipped")
_BATCH_ROWS = 200  # of each snapshot as Python objects at a time

Row = Mapping[str, Any]  # of the extraction table
Table = tuple[str, list[str], list[list[Any]]]  # title, columns, rows


@dataclass(frozen=True)
class Evidence:
    """One study in which a finding changed, with its strongest mention in either night."""

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
    """studies that have it in both nights, in another state: the sum of `flips`"""
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
    """The difference between two nights of one archive."""

    archive: str
    before: Mapping[str, Any]
    """the night: out, snapshot_id, extractor, model_id, studies"""
    after: Mapping[str, Any]
    studies: Mapping[str, int]
    """added, removed, changed (in anything, be it the model_id alone) and same"""
    study_ids: Mapping[str, list[str]]
    """the first of the added, removed and changed studies"""
    statuses: Mapping[str, int]
    """`ok to failed` and so on, of studies that stand in both nights"""
    causes: Mapping[str, Mapping[str, int]]
    """studies with this cause, those whose reading differs, and the findings that changed there"""
    findings: list[FindingChange]
    """those that changed, most flips first"""

    def as_json(self) -> dict[str, Any]:
        """Return everything, equal for equal snapshots."""
        shares = [{**asdict(change), "share": change.share} for change in self.findings]
        return {**asdict(self), "findings": shares}

    def tables(self) -> list[Table]:
        """Return the tables to print, the findings and their evidence cut after the first."""
        shown = self.findings[:NUM_SHOWN]
        more = f", the first {NUM_SHOWN} of {len(self.findings)}" * (len(self.findings) > NUM_SHOWN)
        return [
            (
                f"nights of {self.archive}",
                ["", *self.before],
                [["before", *self.before.values()], ["after", *self.after.values()]],
            ),
            ("studies", ["", "studies", "such as"], self._study_rows()),
            (
                "causes",
                ["cause", *(name.replace("_", " ") for name in _OF_CAUSES)],
                [[cause, *counts.values()] for cause, counts in self.causes.items()],
            ),
            (
                f"findings, in numbers of studies{more}",
                ["finding", "before", "after", "added", "removed", "flipped", "share", "flips"],
                [_finding_row(change) for change in shown],
            ),
            (
                "evidence: section and words of the strongest mention",
                ["finding", "change", "study_id", "cause", "before", "after"],
                [
                    [c.finding, e.change, e.study_id, e.cause, _said(e.before), _said(e.after)]
                    for c in shown
                    for e in c.evidence
                ],
            ),
        ]

    def _study_rows(self) -> list[list[Any]]:
        studies = [
            [kind, number, ", ".join(self.study_ids.get(kind, []))]
            for kind, number in self.studies.items()
        ]
        return studies + [[change, number, None] for change, number in self.statuses.items()]


@dataclass(frozen=True)
class Gate:
    """What a night may change in the findings of studies that stand in both."""

    share: float
    """of the studies that had a finding: where it flips in more, the gate is shut; in [0, 1]"""
    min_support: int = MIN_SUPPORT
    """studies that had a finding for it to be judged: one flip in three says little"""

    def __post_init__(self) -> None:
        if not 0.0 <= self.share <= 1.0:
            raise ConfigError(f"--gate is a share in [0, 1], not {self.share}")
        if self.min_support < 1:
            raise ConfigError(f"--min-support is at least 1, not {self.min_support}")

    def over(self, found: Diff) -> list[FindingChange]:
        """Return the findings that shut the gate."""
        return [
            change
            for change in found.findings
            if change.before >= self.min_support
            and change.flipped > self.share * change.before + 1e-9  # 0.29 * 100 is less than 29
        ]

    def judge(self, found: Diff) -> None:
        """Let a night pass.

        Raises:
            TooManyFlips: a finding shuts the gate; the message names all that do.
        """
        if over := self.over(found):
            flips = ", ".join(
                f"{c.finding} {c.flipped} of {c.before} ({c.share:.3g})" for c in over
            )
            ids = f"{found.before['snapshot_id']} {found.after['snapshot_id']}"
            raise TooManyFlips(
                f"more than --gate {self.share:g} of the studies that had a finding flipped: "
                f"{flips}: look at the evidence (`radkg diff {ids}`) before you load this night"
            )


def open_night(name: str, storage: Storage) -> Snapshot:
    """Return the snapshot `ID` or `CURRENT` of a run, or `DIR@ID` of another run.

    Raises:
        ConfigError: the name lacks the id, or the place before its @.
        SnapshotError: there is no such night; the message names those that stand.
    """
    place, at, snapshot_id = name.rpartition("@")
    if not snapshot_id or (at and not place):
        raise ConfigError(f"{name!r} names no night: give CURRENT, an id, or DIR@ID")
    return read_snapshot(open_storage(place) if at else storage, snapshot_id)


def diff(before: Snapshot, after: Snapshot, num_evidence: int = NUM_EVIDENCE) -> Diff:
    """Compare two snapshots of one archive.

    Args:
        before: the night to start from; a snapshot does not know which of two is older.
        after: the night that is compared with it.
        num_evidence: how many studies of each kind of change are named, the first by study_id.

    Raises:
        SnapshotError: they are of two archives or of another schema, or a part is damaged.
    """
    _check_comparable(before, after)
    shared = set(before.parts) & set(after.parts)
    studies = dict.fromkeys(_OF_STUDIES, 0)
    study_ids: dict[str, list[str]] = {kind: [] for kind in _OF_STUDIES}
    statuses: Counter[str] = Counter()
    causes: dict[str, Counter[str]] = defaultdict(lambda: Counter(dict.fromkeys(_OF_CAUSES, 0)))
    changes: dict[str, FindingChange] = {}
    num_before: Counter[str] = Counter()  # finding -> studies that have it
    num_after: Counter[str] = Counter()

    for study_id, old, new in _pairs(_rows(before, shared), _rows(after, shared)):
        had, has = _strongest_mentions(old), _strongest_mentions(new)
        num_before.update(had.keys())
        num_after.update(has.keys())
        if old == new:
            continue
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

    if changes:
        for row in _rows(before, without=set(before.parts) - shared):
            names = _strongest_mentions(row).keys()
            num_before.update(names)
            num_after.update(names)
    for finding, found in changes.items():
        found.before, found.after = num_before[finding], num_after[finding]
        found.flips = dict(sorted(found.flips.items()))
    return Diff(
        archive=before.archive,
        before=_night(before),
        after=_night(after),
        studies=studies | {"same": before.num_studies - studies["removed"] - studies["changed"]},
        study_ids=study_ids,
        statuses=dict(sorted(statuses.items())),
        causes={cause: dict(causes[cause]) for cause in sorted(causes)},
        findings=sorted(
            changes.values(), key=lambda c: (-c.flipped, -c.added - c.removed, c.finding)
        ),
    )


def _finding_row(change: FindingChange) -> list[Any]:
    flips = ", ".join(f"{flip}: {number}" for flip, number in change.flips.items())
    numbers = (change.before, change.after, change.added, change.removed, change.flipped)
    return [change.finding, *numbers, change.share, flips]


def _said(mention: Entity | None) -> str | None:
    return f"{mention.section or mention.source}: {mention.text}" if mention else None


def _check_comparable(before: Snapshot, after: Snapshot) -> None:
    if before.archive != after.archive:
        raise SnapshotError(
            f"nights of two archives, {before.archive} and {after.archive}: their study_ids do not "
            "mean the same studies"
        )
    for night in (before, after):
        if night.manifest["schema_version"] not in READABLE:
            raise SnapshotError(
                f"snapshot {night.snapshot_id} under {night.storage.uri} has schema version "
                f"{night.manifest['schema_version']}, this radkg reads {', '.join(READABLE)}"
            )


def _night(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "out": snapshot.storage.uri,
        "snapshot_id": snapshot.snapshot_id,
        "extractor": snapshot.extractor,
        "model_id": snapshot.manifest["model_id"],
        "studies": snapshot.num_studies,
    }


def _rows(snapshot: Snapshot, without: Collection[str]) -> Iterator[Row]:
    """Yield the rows of all other parts, by study_id, each with its `findings`."""
    for part in snapshot.parts:
        if part not in without:
            for batch in snapshot.read_part(part).to_batches(max_chunksize=_BATCH_ROWS):
                findings = list_findings(batch, ("name", "strongest"))
                yield from batch.append_column("findings", findings).to_pylist()


def _pairs(
    before: Iterator[Row], after: Iterator[Row]
) -> Iterator[tuple[str, Row | None, Row | None]]:
    """Yield each study_id with its two rows; None where it stands in one night only."""
    merged = heapq.merge(
        ((row["study_id"], "before", row) for row in before),
        ((row["study_id"], "after", row) for row in after),
        key=itemgetter(0),
    )
    for study_id, found in itertools.groupby(merged, itemgetter(0)):
        rows = {night: row for _, night, row in found}
        yield study_id, rows.get("before"), rows.get("after")


def _strongest_mentions(row: Row | None) -> dict[str, Entity]:
    """Return the study's findings, each with the mention that gives it its label."""
    if row is None:
        return {}
    entities = row["entities"]
    return {each["name"]: Entity(**entities[each["strongest"]]) for each in row["findings"]}


def _change(old: Entity | None, new: Entity | None) -> str | None:
    if old is None or new is None:
        return "added" if old is None else "removed"
    return f"{STATES[old.label]} to {STATES[new.label]}" if old.label != new.label else None


def _cause(old: Row | None, new: Row | None) -> str:
    if old is None or new is None:
        return "data"
    differ = [cause for cause, names in CAUSES.items() if any(old[n] != new[n] for n in names)]
    if "data" not in differ and _only_renamed(old, new):
        differ = [*(cause for cause in differ if cause != "model"), "vocabulary"]
    return "+".join(differ) or "unknown"


def _reading(row: Row | None) -> list[Any] | None:
    return None if row is None else [row[name] for name in READING]


def _only_renamed(old: Row, new: Row) -> bool:
    """Tell whether concepts have other names, and all else that was read is the same."""

    def unnamed(row: Row) -> list[Any]:
        entities = [{**entity, "concept": None} for entity in row["entities"]]
        return _reading({**row, "entities": entities}) or []

    return _reading(old) != _reading(new) and unnamed(old) == unnamed(new)
