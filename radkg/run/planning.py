"""What a run would do, before it does it: which studies, why, and how long a sample says it takes.

`radkg plan` prints it and `radkg extract` does it: there is one definition of the work. A forecast
is kept beside the run, so that the run can say how right it was.
"""

from __future__ import annotations

import contextlib
import gc
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from radkg.archive import Archive, open_archive
from radkg.errors import ConfigError
from radkg.extractor import CountsTokens, check_device
from radkg.run.audit import hash_input
from radkg.run.journal import Journal
from radkg.run.kind import Kind
from radkg.run.making import Maker, load_maker
from radkg.run.pseudonyms import Pseudonyms, check_pseudonyms, hide_own_ids
from radkg.run.settings import RunConfig
from radkg.run.snapshot import POINTER, Snapshot, read_snapshot
from radkg.run.units import Unit, plan_units
from radkg.schema.arrow import list_versions
from radkg.schema.records import Study
from radkg.schema.sentences import find_words, list_study_sentences
from radkg.storage import Storage

FORECAST = "plan.json"
SHOWN_FAILURES = 3


@dataclass(frozen=True)
class Plan:
    """The work of a run: the archive against what stands."""

    archive: Archive
    maker: Maker
    records: list[dict[str, Any]]
    """rows of INDEX_SCHEMA, one per study"""
    base: Snapshot | None
    """what is published now, where its rows are of this version"""
    published: pa.Table
    """its rows, sorted by study_id"""
    standing: pa.Table
    """those of this model"""
    journal: Journal
    units: list[Unit]
    """what is not published"""
    missing: list[Unit]
    """and not finished by an earlier run either"""
    reasons: Mapping[str, int]
    """studies that are not published by why: new, changed, other_model"""
    gone: int
    """published studies that the archive no longer has"""
    names: Pseudonyms | None = None
    """that the records have; None: the archive's own"""

    @property
    def input(self) -> str:
        """Hash of the archive's studies."""
        return hash_input(self.records)

    @property
    def to_extract(self) -> list[Mapping[str, Any]]:
        """The records that no run has read yet."""
        return [record for unit in self.missing for record in unit.records]


@dataclass(frozen=True)
class Forecast:
    """What the run costs, measured on a sample in this process."""

    model_id: str
    input: str
    studies: int
    to_extract: int
    reasons: Mapping[str, int]
    finished: int
    """not published, but read by a run that was stopped"""
    to_drop: int
    bytes: int
    """of the reports to read"""
    images: int
    """at hand, of the studies to read"""
    words: int
    """of the sentences to read: the mean of the sample"""
    tokens_read: int | None
    """by the language model, at the sample's mean; None: the extractor has none"""
    tokens_written: int | None
    """and written by it; 0 of either where a one-pass reader reads the reports"""
    sample: int
    """studies that were read to measure"""
    unreadable: int
    """of all studies, by the index: each becomes a failed row"""
    sample_failed: int
    """of the sample, for whatever reason: each becomes a failed row"""
    failures: list[str]
    """the first of them with their reasons"""
    refusal: str | None
    """why `extract` would publish nothing; None: it would publish"""
    seconds_per_study: float
    """of one worker"""
    worker_hours: float
    """one worker is one core, or one GPU where the extractor has one"""
    hours: float
    """with all workers busy; Ray's start and the publication come on top"""
    cost: float | None
    """worker_hours at the price that was given"""


def make_plan(config: RunConfig, storage: Storage) -> Plan:
    """Compare the archive with what stands.

    Raises:
        ArchiveError, ExtractorError: it cannot be read, or the model cannot be loaded.
        ConfigError: the run has other pseudonyms than the settings say.
    """
    maker = load_maker(config.spec)
    model_id = maker.model.model_id
    names = check_pseudonyms(config.pseudonymise, storage)
    archive = open_archive(config.archive, config.images)
    with _collector_paused():
        if names:
            records = names.rename_index(archive.index().slice(0, config.limit)).to_pylist()
        else:
            records = archive.list_records()[: config.limit]
    base = _read_published(storage, maker.kind)
    empty = maker.kind.schema.empty_table()
    published = pa.concat_tables([empty, *(base.read_tables() if base else ())])
    of_model = pc.equal(published["model_id"], model_id)
    standing = published if pc.all(of_model).as_py() else published.filter(of_model)
    fingerprints = dict(list_versions(standing))
    units = plan_units(records, fingerprints, model_id, config.unit_size, maker.kind.version)
    journal = Journal(storage, model_id, maker.kind)
    done = journal.list_done()
    earlier = dict(list_versions(published))
    reasons = {"new": 0, "changed": 0, "other_model": 0}
    for record in (record for unit in units for record in unit.records):
        before = earlier.get(record["study_id"])
        changed = "other_model" if before == record["fingerprint"] else "changed"
        reasons["new" if before is None else changed] += 1
    return Plan(
        archive=archive,
        maker=maker,
        records=records,
        base=base,
        published=published,
        standing=standing,
        journal=journal,
        units=units,
        missing=[unit for unit in units if unit.unit_id not in done],
        reasons=reasons,
        gone=len(fingerprints.keys() - {record["study_id"] for record in records}),
        names=names,
    )


@contextlib.contextmanager
def _collector_paused() -> Iterator[None]:
    """Let an index be made without Python's garbage collector.

    It makes millions of objects and no garbage, and the collector would go through all of them
    again and again: a fifth of the time (measured on 227,835 studies).
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def forecast(
    plan: Plan, *, max_failed: float = 1.0, sample: int, workers: int, price: float | None
) -> Forecast:
    """Measure a sample of the studies to read, evenly spread, and say what all of them take.

    Args:
        max_failed: share of failed studies above which the run would publish nothing.
        sample: studies to read, the first of them twice: the first reading is not measured.
        workers: that will read at once.
        price: of one worker's hour.

    Raises:
        ConfigError: sample or workers are less than 1, or the price is negative.
        ExtractorError: the run is to be on GPUs, and this machine has none to measure on.
    """
    if sample < 1 or workers < 1 or (price is not None and not price >= 0):
        raise ConfigError("sample and workers are at least 1, and a price is not negative")
    check_device(plan.maker.model)  # what is measured is this machine
    records = plan.to_extract
    chosen = records[:: max(1, len(records) // sample)][:sample]
    studies = list(plan.archive.read(chosen))
    plan.maker.make_rows(studies[:1])  # loads and compiles what is made when first needed
    before = _tokens(plan.maker)
    start = time.perf_counter()
    rows = hide_own_ids(plan.maker.make_rows(plan.archive.read(chosen)), chosen)
    seconds = (time.perf_counter() - start) / max(1, len(chosen))
    tokens = [
        None if a is None or b is None else round((b - a) * len(records) / max(1, len(chosen)))
        for a, b in zip(before, _tokens(plan.maker), strict=True)
    ]
    worker_hours = seconds * len(records) / 3600
    failed = [f"{row.study_id}: {row.reason}" for row in rows if row.status == "failed"]
    unreadable = sum(record["problem"] is not None for record in plan.records)
    return Forecast(
        model_id=plan.maker.model.model_id,
        input=plan.input,
        studies=len(plan.records),
        to_extract=len(records),
        reasons=plan.reasons,
        finished=sum(len(unit.records) for unit in plan.units) - len(records),
        to_drop=plan.gone,
        bytes=sum(record["length"] for record in records),
        images=sum(i["location"] is not None for r in records for i in r["images"]),
        words=round(_words([s for s in studies if isinstance(s, Study)]) * len(records)),
        tokens_read=tokens[0],
        tokens_written=tokens[1],
        sample=len(chosen),
        unreadable=unreadable,
        sample_failed=len(failed),
        failures=failed[:SHOWN_FAILURES],
        refusal=_refusal(len(failed) / max(1, len(chosen)), unreadable, plan, max_failed),
        seconds_per_study=seconds,
        worker_hours=worker_hours,
        hours=worker_hours / workers,
        cost=None if price is None else worker_hours * price,
    )


def _refusal(failed_share: float, unreadable: int, plan: Plan, max_failed: float) -> str | None:
    """Return why a run would stop, as far as the sample and the index tell."""
    if not plan.records:
        return "the archive has no study"
    failing = max(unreadable, round(failed_share * len(plan.to_extract)))
    if failing <= max_failed * len(plan.records) + 1e-9:
        return None
    return (
        f"about {failing} of {len(plan.records)} studies fail, more than --max-failed "
        f"{max_failed:g}"
    )


def save_forecast(found: Forecast, storage: Storage) -> None:
    """Keep a forecast beside the run that it is of."""
    storage.write(FORECAST, (json.dumps(asdict(found), indent=1) + "\n").encode())


def forecast_seconds(plan: Plan, storage: Storage) -> float | None:
    """Return how long the kept forecast says this very work takes; None where there is none."""
    if not storage.exists(FORECAST):
        return None
    try:
        kept = json.loads(storage.read(FORECAST))
        same = (kept["model_id"], kept["input"]) == (plan.maker.model.model_id, plan.input)
        same = same and kept["to_extract"] == len(plan.to_extract)
        return 3600 * float(kept["hours"]) if same else None
    except (ValueError, KeyError, TypeError):  # a forecast is no promise: a damaged one is none
        return None


def _tokens(maker: Maker) -> tuple[int | None, int | None]:
    """Return the tokens that the model has read and written until now; None: no counts."""
    model = maker.model
    if not isinstance(model, CountsTokens):
        return None, None
    return model.tokens_read, model.tokens_written


def _words(studies: Sequence[Study]) -> float:
    """Return the mean number of words that are read of a study."""
    texts = (s.report[a:b] for s in studies for _, a, b in list_study_sentences(s))
    return sum(len(find_words(text)) for text in texts) / max(1, len(studies))


def _read_published(storage: Storage, kind: Kind) -> Snapshot | None:
    if not storage.exists(POINTER):
        return None
    snapshot = read_snapshot(storage, kind=kind)
    # rows of an older version lack what the archive says now: they are read anew
    return snapshot if snapshot.manifest["schema_version"] == kind.version else None
