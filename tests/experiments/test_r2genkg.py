"""R2GenKG's ablation on invented studies: its arms, its figures, and that finished arms stay."""

import csv
from pathlib import Path

import pytest

from radkg.errors import ConfigError, KnowledgeError
from radkg.experiments import run
from radkg.experiments.report_arms import ARMS, FULL, shuffle_images
from radkg.experiments.report_scores import BLEU, DIFFERENT, GAIN, count, score_arm
from radkg.experiments.scoring import FINDINGS, NORMAL
from radkg.model.vision.encoders import IMAGENET
from radkg.train.reports.examples import ReportExample
from radkg.train.reports.settings import R2GenKGSettings
from tests.train.reports.toys import make_knowledge


@pytest.fixture(scope="module")
def knowledge(tmp_path_factory):
    return str(make_knowledge(tmp_path_factory.mktemp("graph") / "knowledge"))


def test_arms_are_scored_beside_floors_and_stay_when_they_are_finished(
    settings, knowledge, tmp_path
):
    own = {"knowledge": knowledge, "arms": (FULL, "0 nodes"), "seeds": 2}
    own |= {"batch_tokens": 60, "max_new_tokens": 6, "language_steps": 3}
    config = settings(out=str(tmp_path), limit=6, steps=2)
    table, files = run("r2genkg", config, own)
    assert [(row.group, row.name) for row in table.rows] == [
        ("floor", "constant"),
        ("floor", "most common"),
        ("full", "full"),
        ("full", "full, shuffled images"),
        ("nodes", "0 nodes"),
    ]
    arm = table.rows[-1]
    assert arm.notes["seeds"] == 2
    gain = arm.figures[GAIN]
    assert gain is not None
    assert gain.low <= gain.value <= gain.high
    assert table.rows[2].figures[GAIN] is None
    assert "seed(s) from 0 on" in files[1].read_text()
    kept = sorted((tmp_path / "arms").glob("*.json"))
    assert len(kept) == 4
    times = [path.stat().st_mtime_ns for path in kept]
    kept[0].unlink()
    again, _ = run("r2genkg", config, own)
    assert [row.figures for row in again.rows] == [row.figures for row in table.rows]
    now = {path: path.stat().st_mtime_ns for path in (tmp_path / "arms").glob("*.json")}
    assert [now[path] == time for path, time in zip(kept, times, strict=True)] == [
        *(False, True, True, True)
    ]
    longer = settings(out=str(tmp_path), limit=6, steps=3)
    table, _ = run("r2genkg", longer, own | {"arms": ("0 nodes",), "seeds": 1})
    assert table.rows[-1].notes["steps"] == 3
    with Path(files[0]).open() as file:
        assert {row["group"] for row in csv.DictReader(file)} == {"floor", "nodes"}


def test_every_arm_is_a_setting_of_the_stage():
    assert ARMS[0].name == FULL
    assert not ARMS[0].settings
    assert len({arm.name for arm in ARMS}) == len(ARMS)
    nodes = {R2GenKGSettings(**arm.settings).nodes for arm in ARMS}
    assert nodes == {0, 100, 200, 300, 400, 500}


def test_what_the_experiment_needs_is_said(settings, knowledge, tmp_path):
    config = settings(out=str(tmp_path), limit=6)
    for changes, own, hint in (
        ({}, {}, "give --set knowledge=DIR"),
        ({}, {"knowledge": knowledge, "arms": ("half",)}, "no arm 'half'"),
        ({}, {"knowledge": knowledge, "seeds": 0}, "seeds is 0"),
        ({"minutes": 1.0}, {"knowledge": knowledge}, "give --steps"),
        ({"images": None}, {"knowledge": knowledge}, "--images"),
    ):
        with pytest.raises(ConfigError, match=hint):
            run("r2genkg", settings(out=str(tmp_path), limit=6, **changes), own)
    other = str(make_knowledge(tmp_path / "other", tower=IMAGENET))
    with pytest.raises(KnowledgeError, match="are of tower"):
        run("r2genkg", config, {"knowledge": other})


def test_figures_are_means_over_seeds_and_gains_are_paired():
    golds = [frozenset({"effusion"}), frozenset(), frozenset({"edema"})] * 10
    references = ["There is an effusion today.", "The lungs are clear.", "There is edema now."] * 10
    silent: list[frozenset[str]] = [frozenset()] * 30
    perfect = count(golds, references, [golds, silent], [references, [""] * 30])
    figures = score_arm(perfect, None)
    assert {name: f and round(f.value, 3) for name, f in figures.items()} == {
        FINDINGS: 0.5,
        BLEU: 0.5,
        NORMAL: 0.0,
        DIFFERENT: round((3 / 30 + 1 / 30) / 2, 3),
        GAIN: None,
    }
    found = figures[FINDINGS]
    assert found is not None
    assert (found.low, found.high) == (0.0, 1.0)  # the two seeds say opposite things
    said = [frozenset({"effusion"})] * 30
    constant = count(golds, references, [said, said], [references[:1] * 30] * 2)
    gain = score_arm(constant, perfect)[GAIN]
    assert gain is not None
    assert gain.value == pytest.approx(0.4 - 0.5)  # P 10/30, R 10/20
    assert score_arm(perfect, perfect)[GAIN][:3] == (0.0, 0.0, 0.0)


def test_no_study_keeps_its_images():
    examples = [ReportExample(f"s{i}", (f"i{i}",), "") for i in range(5)]
    shuffled = shuffle_images(examples)
    assert sorted(e.image_ids for e in shuffled) == sorted(e.image_ids for e in examples)
    assert all(a.image_ids != b.image_ids for a, b in zip(examples, shuffled, strict=True))
    assert [e.study_id for e in shuffled] == [e.study_id for e in examples]
