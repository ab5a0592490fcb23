from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radkg.run import snapshot as module
from radkg.run.changes import find_changes
from radkg.run.snapshot import publish
from radkg.schema.arrow import from_table, to_table
from radkg.schema.records import Entity, Extraction
from radkg.storage import open_storage
from tests.support.runs.rows import row


def _said(rows):
    return {r.study_id: r for r in rows}


def _other(found: Extraction, kind: int) -> Extraction:
    """Return the row, changed in one thing."""
    first, *rest = found.entities
    return (
        replace(found, study_date=None),
        replace(found, study_date=date(2024, 3, 1)),
        replace(found, reason="why"),
        replace(found, radkg_version="1"),
        replace(found, entities=(replace(first, confidence=0.75), *rest)),
        replace(found, entities=(replace(first, start=None, end=None, source="image"), *rest)),
        replace(found, entities=(*rest, first)),
        replace(found, relations=found.relations[::-1]),
        replace(found, relations=found.relations[:1]),
        replace(found, entities=(*found.entities, Entity("rib", "ANAT-DP", "rib", 1, 4, None))),
        replace(found, status="empty", entities=(), relations=()),
    )[kind]


@given(
    st.lists(st.sampled_from("asdg"), min_size=1, max_size=30),
    st.lists(st.integers(0, 10), min_size=30, max_size=30),
)
def test_what_differs_is_found_whatever_it_is(tmp_path_factory, fates, kinds):
    """Each study is added, stays, differs, or is gone."""
    before = [row(f"s{i:02}") for i, fate in enumerate(fates) if fate != "a"]
    after = [
        _other(row(f"s{i:02}"), kinds[i]) if fate == "d" else row(f"s{i:02}")
        for i, fate in enumerate(fates)
        if fate != "g"
    ]
    if not before or not after:
        return
    place = tmp_path_factory.mktemp("nights")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MEAN_PART_ROWS", 8)
        one, other = (
            publish(open_storage(str(place / name)), to_table(rows))
            for name, rows in (("one", before), ("other", after))
        )
    found = find_changes(one, other)
    old, new = _said(before), _said(after)
    assert list(from_table(found.before)) == [r for i, r in old.items() if new.get(i) != r]
    assert list(from_table(found.after)) == [r for i, r in new.items() if old.get(i) != r]
