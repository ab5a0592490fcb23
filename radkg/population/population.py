"""The studies of one snapshot, in memory: a column a fact, and the findings sorted by concept.

Everything is a number: a study is its place among all, sorted by study_id, a concept its place
among the sorted names. A question about a finding is then a slice of rows, and a set of studies is
one bool a study.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from radkg.population.postings import Postings, order_postings
from radkg.run.retractions import Retractions
from radkg.schema.mentions import STRENGTH, Array
from radkg.schema.records import STATUSES

UNKNOWN = -1  # of an age, a sex
UNKNOWN_DAY = np.iinfo(np.int32).min
ABSENT, UNCERTAIN, PRESENT = range(len(STRENGTH))
"""of Postings["label"]: rising"""
STATE_NAMES = {PRESENT: "present", UNCERTAIN: "uncertain", ABSENT: "absent"}
_OK = STATUSES.index("ok")


class Beside:
    """What stands beside the findings, brought into its order when it is first asked for.

    Args:
        tables: return concept, study and the columns of each; by "words", "sites", "others" and
            the names of LINKS.
        num_concepts: of the population.
    """

    def __init__(
        self, tables: dict[str, Callable[[], dict[str, Array]]], num_concepts: int
    ) -> None:
        self._tables = tables
        self._num_concepts = num_concepts
        self._lock = threading.Lock()
        self._ordered: dict[str, Postings] = {}

    def get(self, name: str) -> Postings:
        """Return one table."""
        with self._lock:
            if name not in self._ordered:
                columns = self._tables.pop(name)()
                own = columns.pop("concept"), columns.pop("study")
                self._ordered[name] = order_postings(*own, columns, self._num_concepts)
            return self._ordered[name]


@dataclass(frozen=True)
class Population:
    """The columns of a snapshot. Arrays are of studies unless their doc says otherwise."""

    archive: str
    extractor: str
    model_id: str
    names: tuple[str, ...]
    """of all concepts that are mentioned, sorted"""
    study_id: pa.Array
    subject: Array
    """place in `subjects`"""
    subjects: pa.Array
    day: Array
    """since 1970-01-01, or UNKNOWN_DAY"""
    age: Array
    sex: Array
    """place in SEXES, or UNKNOWN"""
    views: dict[str, Array]
    """for each view position, sorted, whether a study has it"""
    status: Array
    """place in STATUSES"""
    reason: pa.DictionaryArray
    condition: pa.DictionaryArray
    findings: Postings
    """label, confidence, mentions, twice (stated and denied), severity, side; one row a study"""
    beside: Beside
    """what stands beside the findings"""
    visible: Array
    """False: retracted"""

    @property
    def words(self) -> Postings:
        """Of findings: other (a modifier), label."""
        return self.beside.get("words")

    @property
    def sites(self) -> Postings:
        """Of findings: other (a site), label."""
        return self.beside.get("sites")

    @property
    def others(self) -> Postings:
        """Studies that mention a concept, where it is no finding of them."""
        return self.beside.get("others")

    def get_links(self, name: str) -> Postings:
        """Return the links of a name of LINKS: other."""
        return self.beside.get(name)

    def __len__(self) -> int:
        return len(self.day)

    @functools.cached_property
    def codes(self) -> dict[str, int]:
        """The place of each name."""
        return {name: code for code, name in enumerate(self.names)}

    @functools.cached_property
    def read(self) -> Array:
        """Whether a study was read and is not retracted: it is of the population."""
        read: Array = self.visible & (self.status == _OK)
        return read

    @functools.cached_property
    def present(self) -> Postings:
        """The rows of `findings` that are present, in studies that are not retracted."""
        which = (self.findings["label"] == PRESENT) & self.visible[self.findings.study]
        starts = np.append(0, np.cumsum(self.findings.count_each(which)))
        return Postings(starts, self.findings.study[which], {})

    @functools.cached_property
    def counts(self) -> dict[int, Array]:
        """By label the number of studies with each concept as a finding."""
        visible = self.visible[self.findings.study]
        labels = (ABSENT, UNCERTAIN, PRESENT)
        shown = self.findings["label"]
        return {label: self.findings.count_each(visible & (shown == label)) for label in labels}

    @functools.cached_property
    def mentioned(self) -> Array:
        """Of each concept the number of studies that mention it as a finding."""
        mentioned: Array = self.counts[PRESENT] + self.counts[UNCERTAIN] + self.counts[ABSENT]
        return mentioned

    @functools.cached_property
    def at_sites(self) -> Array:
        """Of each concept the number of studies in which it is the site of a present finding."""
        sites = self.sites
        shown = (sites["label"] == PRESENT) & self.visible[sites.study]
        keys = (sites["other"][shown].astype(np.int64) << 32) + sites.study[shown]
        keys.sort()
        distinct = keys[np.append(True, np.diff(keys) != 0)[: len(keys)]]
        found: Array = np.bincount(distinct >> 32, minlength=len(self.names))
        return found

    def get_code(self, name: str) -> int | None:
        """Return the place of a name among the concepts; None where no study mentions it."""
        return self.codes.get(name)

    def count_mentioned(self, concept: int) -> int:
        """Return how many studies mention a concept, be it as a finding or not."""
        found = self.mark(self.findings.select(concept).study)
        return int(np.count_nonzero(found | self.mark(self.others.select(concept).study)))

    def mark(self, studies: Array) -> Array:
        """Return one bool a study: True for these that are not retracted."""
        marked = np.zeros(len(self), np.bool_)
        marked[studies] = True
        return marked & self.visible

    def find_label(self, concept: int | None) -> Array:
        """Return the label of a finding in each study, UNKNOWN where it is not mentioned."""
        label = np.full(len(self), UNKNOWN, np.int8)
        rows = self.findings.select(concept)
        label[rows.study] = rows["label"]
        label[~self.visible] = UNKNOWN
        return label

    def count_patients(self, studies: Array) -> int:
        """Return how many patients studies, one bool each, are of."""
        return int(np.count_nonzero(np.bincount(self.subject[studies])))

    def hide(self, retractions: Retractions, snapshot_id: str = "") -> Population:
        """Return the population without what is retracted."""
        if snapshot_id and snapshot_id in retractions.ids["run"]:
            return replace(self, visible=np.zeros(len(self), np.bool_))
        studies = pa.array(sorted(retractions.ids["study"]), pa.string())
        subjects = pa.array(sorted(retractions.ids["subject"]), pa.string())
        gone = pc.is_in(self.study_id, studies).to_numpy(zero_copy_only=False)
        of_patients = pc.is_in(self.subjects, subjects).to_numpy(zero_copy_only=False)
        return replace(self, visible=~(gone | of_patients[self.subject]))
