"""Cohorts that have a name: one small file beside the run, which its owner alone may read."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from radkg.errors import ConfigError, StorageError
from radkg.population.cohort import Cohort
from radkg.storage import Storage

FILE = "cohorts.json"
MAX_NAME = 100  # characters
MAX_SAVED = 1000


@dataclass(frozen=True)
class SavedCohort:
    """A cohort under a name."""

    name: str
    query: str
    """canonical, as `Cohort.to_query` gives it"""
    saved: str
    """when, in ISO form, UTC"""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, and the cohort in words."""
        return {**asdict(self), "words": Cohort.parse_query(self.query).describe()}


def list_cohorts(storage: Storage) -> list[SavedCohort]:
    """Return the saved cohorts of a run, by name.

    Raises:
        StorageError: the file is damaged.
    """
    if not storage.exists(FILE):
        return []
    try:
        found = [SavedCohort(**each) for each in json.loads(storage.read(FILE))]
        for each in found:
            Cohort.parse_query(each.query)
    except (ValueError, TypeError, ConfigError) as error:
        raise StorageError(
            f"{storage.uri}/{FILE} holds no saved cohorts: repair or remove it"
        ) from error
    return sorted(found, key=lambda each: each.name)


def find_cohort(storage: Storage, name: str) -> Cohort:
    """Return the cohort of a name.

    Raises:
        ConfigError: none is saved under it; the message lists those that are.
        StorageError: the file is damaged.
    """
    saved = {each.name: each for each in list_cohorts(storage)}
    if name not in saved:
        raise ConfigError(
            f"no cohort is saved as {name!r}: there is {', '.join(map(repr, saved)) or 'none yet'}"
        )
    return Cohort.parse_query(saved[name].query)


def save_cohort(storage: Storage, name: str, cohort: Cohort) -> list[SavedCohort]:
    """Save a cohort under a name, in place of another that had it; return all, by name.

    Of two processes that save at one time the later one counts.

    Raises:
        ConfigError: the name is empty or too long, or there are too many.
        StorageError: the file is damaged or cannot be written.
    """
    name = " ".join(name.split())
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise ConfigError(f"the name of a cohort has 1 to {MAX_NAME} printable characters")
    now = datetime.now(UTC).isoformat(timespec="seconds")
    others = [each for each in list_cohorts(storage) if each.name != name]
    if len(others) >= MAX_SAVED:
        raise ConfigError(f"{MAX_SAVED} cohorts are saved: remove one first")
    return _write(storage, [*others, SavedCohort(name, cohort.to_query(), now)])


def remove_cohort(storage: Storage, name: str) -> list[SavedCohort]:
    """Remove a saved cohort; return those that are left, by name.

    Raises:
        ConfigError: none is saved under the name.
        StorageError: the file is damaged or cannot be written.
    """
    find_cohort(storage, name)
    return _write(storage, [each for each in list_cohorts(storage) if each.name != name])


def _write(storage: Storage, cohorts: list[SavedCohort]) -> list[SavedCohort]:
    found = sorted(cohorts, key=lambda each: each.name)
    text = json.dumps([asdict(each) for each in found], indent=1, ensure_ascii=False)
    storage.write(FILE, f"{text}\n".encode())
    return found
