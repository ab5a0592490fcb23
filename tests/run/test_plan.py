import pytest

from radkg.run.plan import plan_units

RECORDS = [{"study_id": f"s{i}", "fingerprint": f"f{i}"} for i in range(10)]


def test_units_cover_everything_once_in_order():
    units = plan_units(RECORDS, {}, "m", 3)
    assert [len(unit.records) for unit in units] == [3, 3, 3, 1]
    assert [r for unit in units for r in unit.records] == RECORDS


def test_what_stands_is_not_planned_again():
    standing = {r["study_id"]: r["fingerprint"] for r in RECORDS}
    assert plan_units(RECORDS, standing, "m", 3) == []
    standing["s4"] = "older"
    (unit,) = plan_units(RECORDS, standing, "m", 3)
    assert [r["study_id"] for r in unit.records] == ["s4"]


def test_ids_depend_on_content_alone():
    units = plan_units(RECORDS[:3], {}, "m", 3)
    assert plan_units(RECORDS[2::-1], {}, "m", 3)[0].unit_id == units[0].unit_id
    assert plan_units(RECORDS[:3], {}, "other", 3)[0].unit_id != units[0].unit_id
    changed = [RECORDS[0] | {"fingerprint": "x"}, *RECORDS[1:3]]
    assert plan_units(changed, {}, "m", 3)[0].unit_id != units[0].unit_id


def test_a_unit_holds_at_least_one_study():
    with pytest.raises(ValueError, match="unit_size"):
        plan_units(RECORDS, {}, "m", 0)
