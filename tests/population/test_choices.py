"""Names that complete what a person types, and cohorts that have a name."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace

import pytest

from radkg.errors import ConfigError, StorageError
from radkg.population.choices import CHOICE_KINDS, describe_unknown, list_choices
from radkg.population.cohort import Cohort
from radkg.population.saved import (
    FILE,
    MAX_NAME,
    find_cohort,
    list_cohorts,
    remove_cohort,
    save_cohort,
)
from radkg.storage import LocalStorage
from tests.support.graph.facts import study
from tests.support.runs.populations import invent_patients, make_population

LONG = {"thickening": "pleural thickening", "consolidation": "air opacity"}
SHORT = [
    study(1, 1, None, "+pneumothorax", "+opacity", "opacity @ lung", "-thickening"),
    study(2, 2, None, "+pneumothorax", "+pneumonia", "-consolidation", views=("PA",), sex="male"),
    study(3, 3, None, "+opacity", "opacity @ lung", "opacity @ left"),
]
ROWS = [
    replace(
        row,
        entities=tuple(
            replace(each, concept=LONG.get(each.concept, each.concept)) for each in row.entities
        ),
    )
    for row in SHORT
]


def names(kind: str, text: str, limit: int = 12) -> list[str]:
    population = make_population(ROWS)
    return [each.name for each in list_choices(population, kind, text, limit)]  # type: ignore[arg-type]


def test_the_best_names_stand_first():
    assert names("finding", "PTX") == ["pneumothorax"]
    assert names("finding", "pneumo") == ["pneumothorax", "pneumonia"]  # by studies
    assert names("finding", "opac") == ["opacity", "air opacity"]
    assert names("finding", "thick") == ["pleural thickening"]
    assert names("finding", "") == [
        *("opacity", "pneumothorax"),
        *("air opacity", "pleural thickening", "pneumonia"),
    ]
    assert names("finding", "", 1) == ["opacity"]
    assert names("finding", "no such thing") == []
    assert names("site", "") == ["lung", "left"]


def test_a_name_that_the_text_does_not_hold_is_explained():
    found = list_choices(make_population(ROWS), "finding", " PTX ", 12)
    assert found == [("pneumothorax", 2, "PTX is pneumothorax")]
    hint = "no study mentions 'opacitie': did you mean 'opacity' or 'air opacity'?"
    assert describe_unknown(make_population(ROWS), "opacitie") == hint
    near = list_choices(make_population(ROWS), "finding", "Pnuemotorax", 12)
    assert [each.name for each in near] == ["pneumothorax", "pneumonia"]
    assert {each.note for each in near} == {"near to pnuemotorax"}
    assert names("finding", "left pneumonia")[0] == "pneumonia"  # a part of it


def test_every_kind_has_choices():
    population = make_population(invent_patients(60))
    for kind in CHOICE_KINDS:
        assert list_choices(population, kind, "", 100), kind
    assert names("sex", "m") == ["male"]
    assert names("view", "") == ["unknown", "PA"]
    assert names("severity", "mod") == ["moderate"]
    assert names("state", "un") == ["uncertain", "unmentioned"]


def test_a_cohort_is_saved_under_a_name_for_its_owner_alone(tmp_path):
    storage = LocalStorage(tmp_path / "run")
    assert list_cohorts(storage) == []
    cohort = Cohort.parse_query("finding=effusion&age_from=65")
    save_cohort(storage, " old  effusions ", cohort)
    save_cohort(storage, "all", Cohort())
    assert [each.name for each in list_cohorts(storage)] == ["all", "old effusions"]
    assert find_cohort(storage, "old effusions") == cohort
    assert list_cohorts(storage)[1].to_dict()["words"] == "effusion present; 65 years and older"
    assert stat.S_IMODE(os.stat(storage.root / FILE).st_mode) == 0o600
    save_cohort(storage, "all", cohort)
    assert find_cohort(storage, "all") == cohort
    assert [each.name for each in remove_cohort(storage, "all")] == ["old effusions"]
    with pytest.raises(ConfigError, match="'old effusions'"):
        remove_cohort(storage, "all")


@pytest.mark.parametrize("name", ["", "  ", "a\x00b", "\u202e", "x" * (MAX_NAME + 1)])
def test_a_name_is_one_that_can_be_shown(tmp_path, name):
    with pytest.raises(ConfigError, match="printable"):
        save_cohort(LocalStorage(tmp_path), name, Cohort())


@pytest.mark.parametrize(
    "text",
    ["{", "[1]", json.dumps([{"name": "a"}]), json.dumps([{"name": "a", "query": "x=1"}])],
)
def test_a_damaged_file_is_no_list_of_cohorts(tmp_path, text):
    storage = LocalStorage(tmp_path)
    storage.write(FILE, text.encode())
    with pytest.raises(StorageError, match="repair or remove"):
        list_cohorts(storage)
