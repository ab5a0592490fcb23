"""Hostile files end as rows and refusals: known attacks, and a sample of seeded mutations.

tests/benchmarks/fuzz.py does the same with as many files as one likes.
"""

from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path

import pytest

from tests.support.archives.attacks import Attack, list_attacks
from tests.support.archives.entry_points import Outcome, run_cases
from tests.support.archives.fuzzing import (
    Case,
    list_parents,
    make_gzip,
    make_hostile_case,
    make_tar,
    make_zip,
)

SAMPLE = 1_500
SEED = 1


@cache
def _attacks() -> tuple[Attack, ...]:
    return tuple(list_attacks())


def attack(number: int) -> Case:
    return _attacks()[number].case


def valid(number: int) -> Case:
    """Return a case that nothing has broken; it is packed as a hostile one is."""
    parent = [parent for of_kind in list_parents().values() for parent in of_kind][number]
    data = parent.data
    if isinstance(data, dict):
        data = make_zip(data) if parent.name.endswith("zip") else make_tar(data)
        data = make_gzip(data) if parent.name.endswith("gz") else data
    return Case(parent.kind, {**parent.beside, parent.name: data}, parent.archive, parent.images)


@pytest.fixture(scope="module")
def of_attacks(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Outcome]:
    folder = tmp_path_factory.mktemp("attacks")
    found = run_cases(attack, range(len(_attacks())), folder)
    return {outcome.number: outcome for outcome in found}


def bad(found: Iterator[Outcome] | list[Outcome]) -> list[str]:
    return [f"{o.number} {o.kind}: {o.forbidden}" for o in found if o.forbidden]


def test_no_attack_gets_further_than_a_refusal(of_attacks: dict[int, Outcome]) -> None:
    names = [known.name for known in _attacks()]
    assert len(set(names)) == len(of_attacks) == len(names)
    assert [f"{names[int(told.split()[0])]}: {told}" for told in bad([*of_attacks.values()])] == []


def test_what_must_be_refused_is_and_what_can_be_read_is_read(
    of_attacks: dict[int, Outcome],
) -> None:
    read, refused = {"study", "pixels"}, {"unreadable", "refused", "no pixels"}
    odd = [
        f"{known.name}: {dict(found)}"
        for number, known in enumerate(_attacks())
        if (found := of_attacks[number].results).keys()
        & {"read": refused, "refused": read, "either": set()}[known.expected]
        or not found
    ]
    assert odd == []


def test_broken_files_of_every_kind_are_rows_or_refusals(tmp_path: Path) -> None:
    found = list(run_cases(partial(make_hostile_case, SEED), range(SAMPLE), tmp_path))
    assert bad(found) == []
    assert len(found) == SAMPLE
    assert all(outcome.results for outcome in found)
    refusing = {o.kind for o in found if o.results.keys() - {"study", "pixels"}}
    assert refusing == set(list_parents())  # damage was found in every kind


def test_what_is_broken_was_whole_before(tmp_path: Path) -> None:
    count = sum(map(len, list_parents().values()))
    found = list(run_cases(valid, range(count), tmp_path))
    assert bad(found) == []
    assert [o.kind for o in found if not o.results or o.results.keys() - {"study", "pixels"}] == []


def test_the_same_seed_and_number_are_the_same_file() -> None:
    for number in range(60):
        once, again = make_hostile_case(3, number), make_hostile_case(3, number)
        assert once.files == again.files
    assert make_hostile_case(3, 0).files != make_hostile_case(4, 0).files
