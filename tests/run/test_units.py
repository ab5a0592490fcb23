import pytest

from radkg.run.units import plan_units

RECORDS = [{"study_id": f"s{i}", "fingerprint": f"f{i}"} for i in range(10)]


def test_units_cover_everything_once_in_order():
    records = [{"study_id": f"s{i}", "fingerprint": f"f{i}"} for i in range(1000)]
    units = plan_units(records, {}, "m", 20)
    assert [r for unit in units for r in unit.records] == records
    assert max(len(unit.records) for unit in units) <= 40
    assert 10 < len(records) / len(units) < 30
    assert len({unit.unit_id for unit in units}) == len(units)


def test_a_new_study_changes_its_own_unit_only():
    records = [{"study_id": f"s{i}", "fingerprint": f"f{i}"} for i in range(1000)]
    before = {unit.unit_id for unit in plan_units(records, {}, "m", 20)}
    records.insert(0, {"study_id": "new", "fingerprint": "f"})
    after = {unit.unit_id for unit in plan_units(records, {}, "m", 20)}
    assert len(after - before) <= 2


def test_what_stands_is_not_planned_again():
    standing = {r["study_id"]: r["fingerprint"] for r in RECORDS}
    assert plan_units(RECORDS, standing, "m", 3) == []
    standing["s4"] = "older"
    (unit,) = plan_units(RECORDS, standing, "m", 3)
    assert [r["study_id"] for r in unit.records] == ["s4"]


def test_ids_depend_on_content_alone():
    (unit,) = plan_units(RECORDS[:3], {}, "m", 10**6)
    (reversed_,) = plan_units(RECORDS[2::-1], {}, "m", 10**6)
    assert reversed_.unit_id == unit.unit_id
    (other,) = plan_units(RECORDS[:3], {}, "other", 10**6)
    assert other.unit_id != unit.unit_id
    (changed,) = plan_units([RECORDS[0] | {"fingerprint": "x"}, *RECORDS[1:3]], {}, "m", 10**6)
    assert changed.unit_id != unit.unit_id


def test_a_unit_holds_at_least_one_study():
    with pytest.raises(ValueError, match="unit_size"):
        plan_units(RECORDS, {}, "m", 0)
