"""What changed between two nights, by the columns: as `radkg diff` counts it, in a second.

Parts that both nights have are not read; of the others only the findings are compared, so that a
study whose words moved and whose findings stayed is the same.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from radkg.population.building import build_population
from radkg.population.columns import read_columns
from radkg.population.counting import count
from radkg.population.population import STATE_NAMES, Population
from radkg.run.retractions import read_retractions
from radkg.run.snapshot import Snapshot
from radkg.schema.mentions import Array
from radkg.schema.records import STATUSES

_NONE = -1  # in place of a label, a study, a concept


class _Rows(NamedTuple):
    """Findings of the studies of both nights: key of study and concept, and label; by key."""

    key: Array
    label: Array


def compare_nights(before: Snapshot, after: Snapshot, whole: Population) -> dict[str, Any]:
    """Return what changed in studies and findings.

    Args:
        before: the earlier snapshot.
        after: the later one, of the same archive.
        whole: population of the later one.

    Raises:
        SnapshotError: a published part that must be read is missing or was changed.
    """
    shared = set(before.parts) & set(after.parts)
    old, new = (_open(snapshot, shared) for snapshot in (before, after))
    names = sorted({*old.names, *new.names})
    place = _place_studies(old, new)
    both = place != _NONE
    old_rows = _key_findings(old, np.arange(len(old)), names)
    new_rows = _key_findings(new, np.where(both, place, len(old) + np.arange(len(new))), names)
    flips, added, removed, changed = _compare(old_rows, new_rows, len(names))
    status_old, status_new = old.status[place[both]], new.status[both]
    statuses = Counter(
        f"{STATUSES[a]} to {STATUSES[b]}"
        for a, b in zip(status_old.tolist(), status_new.tolist(), strict=True)
        if a != b
    )
    changed |= set(place[both][status_old != status_new].tolist())
    in_both = set(place[both].tolist())
    read_differently = len(changed & in_both)
    added_studies = count(new.visible & ~both)
    removed_studies = count(old.visible) - len(in_both)
    same = count(whole.visible) - added_studies - read_differently
    findings: list[dict[str, Any]] = []
    for code in sorted({code for code, _, _ in flips} | set(added) | set(removed)):
        now = _count_mentioned(whole, names[code])
        own = {f"{a} to {b}": n for (c, a, b), n in sorted(flips.items()) if c == code}
        come, gone = added[code], removed[code]
        findings.append(
            {
                "finding": names[code],
                "before": now - come + gone,
                "after": now,
                "added": come,
                "removed": gone,
                "flips": own,
                "flipped": sum(own.values()),
            }
        )
    findings.sort(key=lambda c: (-c["flipped"], -c["added"] - c["removed"], c["finding"]))
    return {
        "studies": {
            "added": added_studies,
            "removed": removed_studies,
            "read_differently": read_differently,
            "same": same,
        },
        "statuses": dict(sorted(statuses.items())),
        "findings": findings,
    }


def _open(snapshot: Snapshot, without: set[str]) -> Population:
    """Return the studies of all other parts, without what is retracted."""
    parts = read_columns(snapshot, without=without)
    found = build_population(parts, snapshot.archive, snapshot.extractor, snapshot.manifest)
    return found.hide(read_retractions(snapshot.storage), snapshot.snapshot_id)


def _place_studies(old: Population, new: Population) -> Array:
    """Return the place of each new study among the old ones, where both show it."""
    found: Array = (
        pc.index_in(new.study_id, old.study_id).fill_null(_NONE).to_numpy().astype(np.int64)
    )
    hidden = ~new.visible | ~np.append(old.visible, True)[found]
    found[hidden] = _NONE
    return found


def _key_findings(population: Population, study: Array, names: list[str]) -> _Rows:
    """Return the findings of a night under numbers that both nights share."""
    own = pc.index_in(pa.array(population.names, pa.string()), pa.array(names, pa.string()))
    sizes = np.diff(population.findings.starts)
    concept = np.repeat(own.to_numpy().astype(np.int64), sizes)
    shown = population.visible[population.findings.study]
    key = study[population.findings.study] * len(names) + concept
    key, label = key[shown], population.findings["label"][shown]
    order = np.argsort(key)
    return _Rows(key[order], label[order])


def _compare(
    old: _Rows, new: _Rows, num_names: int
) -> tuple[Counter[tuple[int, str, str]], Counter[int], Counter[int], set[int]]:
    """Return flips by finding, findings that came and went, and the studies of all of these."""
    is_new = ~np.isin(new.key, old.key)
    is_gone = ~np.isin(old.key, new.key)
    label_old, label_new = old.label[~is_gone], new.label[~is_new]
    stayed = old.key[~is_gone]
    differs = label_old != label_new
    pairs = zip(
        (stayed[differs] % num_names).tolist(),
        label_old[differs].tolist(),
        label_new[differs].tolist(),
        strict=True,
    )
    flips = Counter((code, STATE_NAMES[a], STATE_NAMES[b]) for code, a, b in pairs)
    added = Counter((new.key[is_new] % num_names).tolist())
    removed = Counter((old.key[is_gone] % num_names).tolist())
    keys = np.concatenate([new.key[is_new], old.key[is_gone], stayed[differs]])
    return flips, added, removed, set((keys // num_names).tolist())


def _count_mentioned(population: Population, name: str) -> int:
    code = population.get_code(name)
    return 0 if code is None else int(population.mentioned[code])
