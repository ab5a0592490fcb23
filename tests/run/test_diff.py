"""Nights that differ in known ways, and nights that differ in any way."""

import dataclasses
import json
import re
import tempfile
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from radkg.cli.app import app, run
from radkg.errors import ConfigError, SnapshotError
from radkg.graph.rows.nested import batch_rows
from radkg.run import diff, gate
from radkg.run import snapshot as snapshots
from radkg.run.diff import compare_snapshots
from radkg.run.names import open_snapshot
from radkg.run.snapshot import Snapshot, list_snapshot_ids, publish, read_snapshot
from radkg.schema.arrow import to_table
from radkg.schema.mentions import STATES
from radkg.schema.records import Entity, Extraction
from radkg.storage import open_storage
from tests.support.runs.rows import row


def says(*findings: tuple[str, str]) -> dict[str, Any]:
    """Return what a row says: these findings and their labels, each by one mention."""
    entities = tuple(
        Entity(f"{name}!", label, name, 20 * i, 20 * i + len(name) + 1, "findings")  # type: ignore[arg-type]
        for i, (name, label) in enumerate(findings)
    )
    return {"entities": entities, "relations": (), "status": "ok" if entities else "empty"}


FAILED = {"status": "failed", "reason": "why", "entities": (), "relations": ()}
PRESENT, ABSENT = says(("edema", "OBS-DP")), says(("edema", "OBS-DA"))


@pytest.fixture
def night(tmp_path):
    """Publish rows, each time under the same place; return the snapshot."""
    return lambda *rows: publish(open_storage(str(tmp_path)), to_table(rows))


def test_studies_that_come_go_and_change(night):
    before = night(row("a"), row("b"), row("c"), row("d", **PRESENT))
    after = night(row("b"), row("c", study_fingerprint="new"), row("d", **FAILED), row("e"))
    found = compare_snapshots(before, after)
    assert found.studies == {"added": 1, "removed": 1, "changed": 2, "same": 1}
    assert found.study_ids == {"added": ["e"], "removed": ["a"], "changed": ["c", "d"]}
    assert found.statuses == {"ok to failed": 1}
    assert found.causes["data"]["studies"] == 3  # c, and a and e, which came and went
    assert found.causes["unknown"] == {
        "studies": 1,
        "read_differently": 1,
        "added": 0,
        "removed": 1,
        "flipped": 0,
    }


def test_a_flip_has_its_mentions_from_both_nights(night):
    both = says(("edema", "OBS-DA"), ("edema", "OBS-U"))
    found = compare_snapshots(night(row("a", **PRESENT)), night(row("a", **both, model_id="m2")))
    (change,) = found.findings
    assert (change.finding, change.before, change.after) == ("edema", 1, 1)
    assert (change.added, change.removed, change.flipped, change.share) == (0, 0, 1, 1.0)
    assert change.flips == {"present to uncertain": 1}
    (evidence,) = change.evidence
    assert evidence.study_id == "a"
    assert evidence.cause == "model"
    assert evidence.before == PRESENT["entities"][0]
    assert evidence.after == both["entities"][1]


def test_a_modifier_is_no_finding_here_either(night):
    found = compare_snapshots(night(row("a", **says())), night(row("a")))
    assert [change.finding for change in found.findings] == ["effusion", "pneumothorax"]


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"study_fingerprint": "new"}, "data"),
        ({"study_date": None}, "data"),
        ({"age": 54}, "data"),
        ({"view_positions": ("AP",)}, "data"),
        ({"model_id": "m2"}, "model"),
        ({"model_id": "m2", **ABSENT}, "model"),
        ({"extractor": "other"}, "model"),
        ({"radkg_version": "1"}, "code"),
        ({"model_id": "m2", "radkg_version": "1"}, "model+code"),
        ({"model_id": "m2", "study_fingerprint": "new"}, "data+model"),
        (ABSENT, "unknown"),
    ],
)
def test_the_cause_is_what_differs(night, changes, cause):
    found = compare_snapshots(night(row("a", **PRESENT)), night(row("a", **PRESENT | changes)))
    assert list(found.causes) == [cause]
    assert found.causes[cause]["read_differently"] == ("entities" in changes)


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"model_id": "m2"}, "vocabulary"),
        ({"model_id": "m2", "radkg_version": "1"}, "code+vocabulary"),
        ({"model_id": "m2", "study_fingerprint": "new"}, "data+model"),
    ],
)
def test_another_name_for_the_same_reading_is_vocabulary(night, changes, cause):
    renamed = dataclasses.replace(PRESENT["entities"][0], concept="pulmonary edema")
    after = row("a", **PRESENT | changes | {"entities": (renamed,)})
    found = compare_snapshots(night(row("a", **PRESENT)), night(after))
    assert list(found.causes) == [cause]
    assert [(c.finding, c.added, c.removed) for c in found.findings] == [
        ("edema", 0, 1),
        ("pulmonary edema", 1, 0),
    ]


def test_only_the_first_studies_are_named_and_all_are_counted(night):
    ids = [f"s{i}" for i in range(9)]
    before, after = (
        night(*(row(i, **PRESENT) for i in ids)),
        night(*(row(i, **ABSENT) for i in ids)),
    )
    (change,) = compare_snapshots(before, after, num_evidence=2).findings
    assert change.flipped == 9
    assert [evidence.study_id for evidence in change.evidence] == ["s0", "s1"]
    assert compare_snapshots(before, after, num_evidence=0).findings[0].evidence == []


def test_each_direction_of_a_flip_is_named(night):
    unsure = says(("edema", "OBS-U"))
    before = night(*(row(i, **PRESENT) for i in "abc"))
    after = night(row("a", **ABSENT), row("b", **ABSENT), row("c", **unsure))
    (change,) = compare_snapshots(before, after, num_evidence=1).findings
    assert change.flips == {"present to absent": 2, "present to uncertain": 1}
    assert [evidence.study_id for evidence in change.evidence] == ["a", "c"]


def test_equal_parts_are_read_for_denominators_alone(night, monkeypatch):
    monkeypatch.setattr(snapshots, "MEAN_PART_ROWS", 8)
    rows = [row(f"s{i:02}", **PRESENT) for i in range(60)]
    before = night(*rows)
    after = night(*rows[:30], row("s30", **PRESENT, model_id="m1", radkg_version="1"), *rows[31:])
    read = []
    monkeypatch.setattr(
        Snapshot,
        "read_part",
        lambda s, part, columns=None, f=Snapshot.read_part: (
            read.append(part) or f(s, part, columns)
        ),
    )
    assert compare_snapshots(before, before).studies["same"] == 60
    assert read == []
    assert compare_snapshots(before, after).causes["code"]["studies"] == 1
    assert len(read) == 2  # no finding changed
    flipped = night(*rows[:30], row("s30", **ABSENT), *rows[31:])
    (change,) = compare_snapshots(before, flipped).findings
    assert (change.flipped, change.before, change.after) == (1, 60, 60)
    assert len(read) == 2 + 2 + len(before.parts)  # the changes, then all that stood before


IDS = [f"s{i}" for i in range(12)]
FINDINGS = st.lists(
    st.tuples(st.sampled_from(["edema", "nodule"]), st.sampled_from([*STATES, "ANAT-DP"])),
    max_size=3,
)
ROWS = st.fixed_dictionaries(
    {
        "said": st.one_of(FINDINGS.map(lambda found: says(*found)), st.just(FAILED)),
        "study_fingerprint": st.sampled_from("fg"),
        "radkg_version": st.sampled_from("01"),
    }
).map(lambda drawn: drawn.pop("said") | drawn)
NIGHTS = st.builds(
    lambda rows, model_id: [row(key, **said, model_id=model_id) for key, said in rows.items()],
    st.dictionaries(st.sampled_from(IDS), ROWS, min_size=1),
    st.sampled_from(["m1", "m2"]),
)


def published(rows: list[Extraction], storage: Any) -> Snapshot:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(snapshots, "MEAN_PART_ROWS", 3)
        return publish(storage, to_table(rows))


def turned(change: str) -> str:
    names = {"added": "removed", "removed": "added"}
    return names.get(change) or " to ".join(reversed(change.split(" to ")))


def mirrored(found: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON of a diff as it must be in the other direction."""

    def swap(counts: dict[str, Any]) -> dict[str, Any]:
        other = {"before": "after", "after": "before", "added": "removed", "removed": "added"}
        return {name: counts[other.get(name, name)] for name in counts}

    for cause, counts in found["causes"].items():
        found["causes"][cause] = swap(counts)
    found["findings"] = [swap(change) for change in found["findings"]]
    for change in found["findings"]:
        change["flips"] = {turned(flip): number for flip, number in change["flips"].items()}
        change["evidence"] = [swap(e) | {"change": turned(e["change"])} for e in change["evidence"]]
        del change["share"]
    found["statuses"] = {turned(change): number for change, number in found["statuses"].items()}
    return swap(found) | {name: swap(found[name]) for name in ("studies", "study_ids")}


def labels(rows: list[Extraction]) -> dict[tuple[str, str], str]:
    """Return the label of each finding of each study, as the graph has it."""
    return {
        (row["study"]["study_id"], each["concept"].removeprefix("observation:")): each["label"]
        for batch in batch_rows([to_table(rows)])
        for row in batch
        for each in row["findings"]
    }


@settings(max_examples=30, deadline=None)
@given(NIGHTS, NIGHTS)
def test_any_two_nights(old, new):
    with tempfile.TemporaryDirectory() as root:
        storage = open_storage(root)
        before, after = published(old, storage), published(new, storage)
        assert read_snapshot(storage, before.snapshot_id) == before
        nothing, found, back = (
            compare_snapshots(*pair, num_evidence=99)
            for pair in ((before, before), (before, after), (after, before))
        )
    assert nothing.studies == {"added": 0, "removed": 0, "changed": 0, "same": len(old)}
    assert (nothing.findings, nothing.causes, nothing.statuses) == ([], {}, {})

    there, here = found.to_dict(), back.to_dict()
    for change in there["findings"]:
        assert change.pop("share") == change["flipped"] / max(1, change["before"])
        change["share"] = 0
    assert mirrored(there) == {
        **here,
        "findings": [
            {name: value for name, value in change.items() if name != "share"}
            for change in here["findings"]
        ],
    }

    studies = found.studies
    assert studies["removed"] + studies["changed"] + studies["same"] == len(old)
    assert studies["added"] + studies["changed"] + studies["same"] == len(new)
    assert sum(c["studies"] for c in found.causes.values()) == sum(
        map(len, found.study_ids.values())
    )

    had, has = labels(old), labels(new)
    for name in ("edema", "nodule"):
        pairs = [
            (had.get(key), has.get(key))
            for key in sorted(had.keys() | has.keys())
            if key[1] == name
        ]
        counts = Counter(
            "added" if a is None else "removed" if b is None else f"{STATES[a]} to {STATES[b]}"
            for a, b in pairs
            if a != b
        )
        changes = [change for change in found.findings if change.finding == name]
        assert len(changes) == bool(counts)
        for change in changes:
            assert {"added": change.added, "removed": change.removed} | change.flips == {
                "added": 0,
                "removed": 0,
            } | counts
            assert change.before == sum(a is not None for a, _ in pairs)
            assert change.after == sum(b is not None for _, b in pairs)
            assert Counter(e.change for e in change.evidence) == counts
    for kind in ("added", "removed", "flipped"):
        total = sum(getattr(change, kind) for change in found.findings)
        assert sum(counts[kind] for counts in found.causes.values()) == total


def test_nights_are_named(tmp_path):
    storage, other = (open_storage(str(tmp_path / name)) for name in ("a@b", "c"))
    old = publish(storage, to_table([row("s1")])).snapshot_id
    new = publish(storage, to_table([row("s2")])).snapshot_id
    assert list_snapshot_ids(storage) == sorted([old, new])
    assert open_snapshot("CURRENT", storage).snapshot_id == new
    assert open_snapshot(old, storage).snapshot_id == old
    assert open_snapshot(f"{storage.uri}@{old}", other).snapshot_id == old
    assert open_snapshot(f"{storage.uri}@CURRENT", other).snapshot_id == new
    for name in ("0" * 16, "../../x", old[:8]):
        with pytest.raises(SnapshotError, match=f"no snapshot .* known: CURRENT, {min(old, new)}"):
            open_snapshot(name, storage)
    for name in ("", "@", f"@{old}", f"{storage.uri}@"):
        with pytest.raises(ConfigError, match="DIR@ID"):
            open_snapshot(name, storage)
    with pytest.raises(SnapshotError, match="nothing is published"):
        open_snapshot("CURRENT", other)


def test_a_damaged_old_night_does_not_ask_for_an_extraction(tmp_path, night):
    old, new = night(row("s1")), night(row("s2"))
    parts = tmp_path / "snapshot/parts"
    (parts / f"{old.parts[0]}.parquet").write_bytes(b"")
    with pytest.raises(SnapshotError, match=r"was changed .* name another"):
        compare_snapshots(old, new)
    (parts / f"{old.parts[0]}.parquet").unlink()
    with pytest.raises(SnapshotError, match=r"is gone: .* name another"):
        compare_snapshots(old, new)
    (tmp_path / f"snapshot/manifest-{old.snapshot_id}.json").write_text("{}")
    with pytest.raises(SnapshotError, match="manifest is missing or was changed"):
        read_snapshot(old.storage, old.snapshot_id)


def test_nights_that_cannot_be_compared(night):
    one, other = night(row("s1")), night(row("s1", archive="other"))
    with pytest.raises(SnapshotError, match="two archives, test and other"):
        compare_snapshots(one, other)
    future = dataclasses.replace(one, manifest=one.manifest | {"schema_version": "99"})
    with pytest.raises(SnapshotError, match="schema version 99"):
        compare_snapshots(one, future)


def flipping(night, number, of):
    """Publish two nights between which so many of so many studies flip edema."""
    ids = [f"s{i:03}" for i in range(of)]
    night(*(row(i, **PRESENT) for i in ids))
    night(*(row(i, **ABSENT if at < number else PRESENT) for at, i in enumerate(ids)))


@pytest.mark.parametrize(
    ("number", "of", "gate", "code"),
    [
        (0, 20, 0.0, 0),
        (1, 20, 0.0, 1),
        (1, 20, 0.05, 0),
        (2, 20, 0.05, 1),
        (29, 100, 0.29, 0),
        (30, 100, 0.29, 1),
        (19, 19, 0.05, 0),  # fewer than --min-support
        (20, 20, 1.0, 0),
    ],
)
def test_the_gate_at_its_border(tmp_path, capfd, night, number, of, gate, code):
    flipping(night, number, of)
    ids = list_snapshot_ids(open_storage(str(tmp_path)))
    current = read_snapshot(open_storage(str(tmp_path))).snapshot_id
    before = next((i for i in ids if i != current), current)
    arguments = ["diff", before, "CURRENT", "--out", str(tmp_path), "--gate", str(gate), "--json"]
    with pytest.raises(SystemExit) as end:
        run(app, arguments)
    said = capfd.readouterr()
    assert end.value.code == code
    assert json.loads(said.out)["gate"]["over"] == ["edema"] * code
    assert (f"edema {number} of {of} ({number / of:.3g})" in said.err) == bool(code)


def test_min_support_is_an_option(tmp_path, night):
    flipping(night, 3, 3)
    storage = open_storage(str(tmp_path))
    (before,) = set(list_snapshot_ids(storage)) - {read_snapshot(storage).snapshot_id}
    arguments = ["diff", before, "CURRENT", "--out", str(tmp_path), "--gate", "0.5"]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert CliRunner().invoke(app, [*arguments, "--min-support", "3"]).exit_code == 1


def test_the_tables_show_findings_and_their_evidence(tmp_path, night, monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    before = night(row("s1", **PRESENT), row("s2")).snapshot_id
    night(row("s1", **ABSENT, model_id="m2"), row("s2", model_id="m2"))
    done = CliRunner().invoke(app, ["diff", before, "CURRENT", "--out", str(tmp_path)])
    assert done.exit_code == 0
    lines = [" ".join(re.split(r"\s*│\s*", line)).strip() for line in done.stdout.splitlines()]
    assert "model 2 1 0 0 1" in lines
    assert "edema 1 1 0 0 1 1 present to absent: 1" in lines
    assert "edema present to absent s1 model findings: edema! findings: edema!" in lines


def test_the_json_stands_still(tmp_path, night):
    before = night(row("s1", **PRESENT)).snapshot_id
    night(row("s1", **ABSENT), row("s2", **FAILED))
    arguments = ["diff", before, "CURRENT", "--out", str(tmp_path), "--json"]
    found = json.loads(CliRunner().invoke(app, arguments).stdout)
    assert found.pop("before") | {"out": "", "snapshot_id": ""} == {
        "out": "",
        "snapshot_id": "",
        "extractor": "rules",
        "model_id": "m1",
        "studies": 1,
    }
    assert found.pop("after")["studies"] == 2
    evidence = found["findings"][0].pop("evidence")
    assert [(e["study_id"], e["before"]["label"], e["after"]["text"]) for e in evidence] == [
        ("s1", "OBS-DP", "edema!")
    ]
    nothing = {"added": 0, "removed": 0, "flipped": 0}
    assert found == {
        "archive": "test",
        "studies": {"added": 1, "removed": 0, "changed": 1, "same": 0},
        "study_ids": {"added": ["s2"], "removed": [], "changed": ["s1"]},
        "statuses": {},
        "causes": {
            "data": {"studies": 1, "read_differently": 1} | nothing,
            "unknown": {"studies": 1, "read_differently": 1} | nothing | {"flipped": 1},
        },
        "findings": [
            {
                "finding": "edema",
                "before": 1,
                "after": 1,
                "added": 0,
                "removed": 0,
                "flipped": 1,
                "flips": {"present to absent": 1},
                "share": 1.0,
            }
        ],
        "gate": None,
    }


def test_the_options_default_to_what_the_function_does():
    command = next(c for c in app.registered_commands if c.callback.__name__ == "diff").callback
    defaults = command.__defaults__
    assert gate.MIN_SUPPORT in defaults
    assert diff.NUM_EVIDENCE in defaults
