"""What changed between two nights, by the columns: as `radkg diff` counts it, in about a second.

Parts that both nights have are not read. Of the other studies a digest of their findings tells
which differ, and the findings of these alone are compared: a study whose words moved while its
findings stayed is the same.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow.compute as pc

from radkg.population.building import build_population
from radkg.population.columns import read_columns
from radkg.population.counting import count
from radkg.population.population import STATE_NAMES, Population
from radkg.run.retractions import read_retractions
from radkg.run.snapshot import Snapshot
from radkg.schema.mentions import Array
from radkg.schema.records import STATUSES

_NONE = -1  # in place of a study

_Findings = dict[tuple[int, str], int]
"""label by study and name"""


def compare_nights(before: Snapshot, after: Snapshot, new: Population) -> dict[str, Any]:
    """Return what changed in studies and findings.

    Args:
        before: the earlier snapshot.
        after: the later one, of the same archive.
        new: population of the later one.

    Raises:
        SnapshotError: a published part that must be read is missing or was changed.
    """
    shared = set(before.parts) & set(after.parts)
    parts = read_columns(before, without=shared)
    old = build_population(parts, before.archive, before.extractor, before.manifest)
    old = old.hide(read_retractions(before.storage), before.snapshot_id)
    place = _place_studies(old, new)
    met = np.flatnonzero(place != _NONE)
    in_other_part = ~_mark_shared(after, shared, len(new))
    came = np.flatnonzero(new.visible & in_other_part & (place == _NONE))
    gone = np.setdiff1d(np.flatnonzero(old.visible), place[met])
    is_other = _digest_findings(old)[place[met]] != _digest_findings(new)[met]
    status_old, status_new = old.status[place[met]], new.status[met]
    statuses = Counter(zip(status_old.tolist(), status_new.tolist(), strict=True))
    differ = is_other | (status_old != status_new)
    has = _list_findings(new, np.append(met[differ], came), range(int(differ.sum()) + len(came)))
    ids = [*range(int(differ.sum())), *(-1 - i for i in range(len(gone)))]  # those that are gone
    had = _list_findings(old, np.append(place[met][differ], gone), ids)
    added, removed = len(came), len(gone)
    return {
        "studies": {
            "added": added,
            "removed": removed,
            "read_differently": count(differ),
            "same": count(new.visible) - added - count(differ),
        },
        "statuses": {
            f"{STATUSES[a]} to {STATUSES[b]}": number
            for (a, b), number in sorted(statuses.items())
            if a != b
        },
        "findings": _compare_findings(had, has, new),
    }


def _place_studies(old: Population, new: Population) -> Array:
    """Return the place of each new study among the old ones, where both show it."""
    place = pc.index_in(new.study_id, old.study_id).fill_null(_NONE)
    found: Array = place.to_numpy().astype(np.int64)
    found[~new.visible | ~np.append(old.visible, True)[found]] = _NONE
    return found


def _mark_shared(snapshot: Snapshot, shared: set[str], num_studies: int) -> Array:
    """Return whether each study stands in a part that both nights have."""
    parts = snapshot.manifest["parts"]
    rows = [int(part["rows"]) for part in parts]
    marked: Array = np.repeat([part["sha256"] in shared for part in parts], rows)
    assert len(marked) == num_studies
    return marked


def _digest_findings(population: Population) -> Array:
    """Return for each study a sum of 64 bits of its findings and their labels."""
    table = np.array(
        [
            [_digest(f"{label}{name}") for label in range(len(STATE_NAMES))]
            for name in population.names
        ],
        np.uint64,
    ).reshape(-1)
    findings = population.findings
    concept = np.repeat(np.arange(len(population.names)), np.diff(findings.starts))
    digests = np.zeros(len(population), np.uint64)
    np.add.at(digests, findings.study, table[concept * len(STATE_NAMES) + findings["label"]])
    return digests


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def _list_findings(population: Population, studies: Array, ids: Sequence[int]) -> _Findings:
    """Return the findings of some studies, by these ids of theirs."""
    own = np.full(len(population), _NONE, np.int64)
    own[studies] = np.arange(len(studies))
    findings = population.findings
    which = np.flatnonzero(own[findings.study] != _NONE)
    concept = np.searchsorted(findings.starts, which, side="right") - 1
    return {
        (ids[study], population.names[code]): label
        for study, code, label in zip(
            own[findings.study[which]].tolist(),
            concept.tolist(),
            findings["label"][which].tolist(),
            strict=True,
        )
    }


def _compare_findings(had: _Findings, has: _Findings, new: Population) -> list[dict[str, Any]]:
    """Return the findings that changed, most flips first."""
    added = Counter(name for _, name in has.keys() - had.keys())
    removed = Counter(name for _, name in had.keys() - has.keys())
    flips = Counter(
        (key[1], STATE_NAMES[label], STATE_NAMES[has[key]])
        for key, label in had.items()
        if key in has and has[key] != label
    )
    found: list[dict[str, Any]] = []
    for name in {*added, *removed, *(name for name, _, _ in flips)}:
        own = {f"{a} to {b}": number for (of, a, b), number in sorted(flips.items()) if of == name}
        code = new.get_code(name)
        now = 0 if code is None else int(new.mentioned[code])
        come, went = added[name], removed[name]
        numbers = {"before": now - come + went, "after": now, "added": come, "removed": went}
        found.append({"finding": name, **numbers, "flips": own, "flipped": sum(own.values())})
    return sorted(found, key=lambda c: (-c["flipped"], -c["added"] - c["removed"], c["finding"]))
