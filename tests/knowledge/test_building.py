"""The knowledge graph of a run: its studies, its facts, its bytes."""

import csv

import pytest

from radkg.errors import ExtractorError, KnowledgeError, SnapshotError
from radkg.knowledge.building import BuildSettings, build_knowledge, is_up_to_date
from radkg.knowledge.store import check_current, load_knowledge, locate_previous
from radkg.run.retractions import record_retraction
from radkg.run.run import Run
from tests.support.runs.knowledge import (
    TEST,
    TRAINING,
    publish_rows,
    publish_run,
    write_archive,
    write_images,
)
from tests.support.runs.rows import row

PLAIN = BuildSettings()


def build(run, directory):
    assert build_knowledge(run, directory, PLAIN)
    return load_knowledge(directory)


def test_only_reports_of_the_training_split_count(tmp_path):
    archive = write_archive(tmp_path)
    rows = [row(f"CXR{n}") for n in (1, 2, TEST, 99)]  # the archive does not have the last one
    seen = row("CXR3", condition="image")
    failed = row("CXR4", status="failed", reason="why", entities=(), relations=())
    knowledge = build(
        publish_rows(tmp_path / "out", archive, [*rows, seen, failed]), tmp_path / "k"
    )
    facts = knowledge.facts
    assert (facts["split"], facts["studies"]) == ("train", 2)
    assert facts["studies_left_out"] == {
        "empty or failed": 1,
        "gone from the archive": 1,
        "image alone": 1,
        "of no training split": 1,
    }
    assert {n["studies"] for n in knowledge.nodes.to_pylist()} == {2}


def test_all_studies_of_an_archive_without_splits_count_and_the_facts_say_so(tmp_path):
    with (tmp_path / "reports.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("study_id", "report"), ("a", "Effusion."), ("b", "Edema.")])
    run = publish_rows(tmp_path / "out", tmp_path / "reports.csv", [row("a"), row("b")])
    facts = build(run, tmp_path / "k").facts
    assert (facts["split"], facts["studies"], facts["studies_left_out"]) == (None, 2, {})


def test_facts_name_the_snapshot_and_measure_the_scales(tmp_path):
    run = publish_run(tmp_path)
    knowledge = build(run, tmp_path / "k")
    facts = knowledge.facts
    assert facts["snapshot_id"] == run.read_snapshot().snapshot_id
    assert (facts["model_id"], facts["archive"], facts["bank"]) == ("m1", "test", None)
    assert facts["scales"]["100"] == facts["scales"]["all"] == {"nodes": 3, "edges": 2}
    assert knowledge.bank is None
    check_current(knowledge, run)


def test_equal_runs_have_equal_bytes_and_a_second_build_touches_nothing(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        build(publish_run(tmp_path / name), tmp_path / name / "k")
    first, second = (
        {p.name: p.read_bytes() for p in (tmp_path / name / "k").iterdir()} for name in ("a", "b")
    )
    assert first == second
    stamps = {p: p.stat().st_mtime_ns for p in (tmp_path / "a" / "k").iterdir()}
    assert not build_knowledge(Run(str(tmp_path / "a" / "out")), tmp_path / "a" / "k", PLAIN)
    assert stamps == {p: p.stat().st_mtime_ns for p in (tmp_path / "a" / "k").iterdir()}
    assert not locate_previous(tmp_path / "a" / "k").exists()


def test_another_snapshot_makes_a_graph_old_and_the_earlier_one_is_kept(tmp_path):
    run, directory = publish_run(tmp_path, (1, 2)), tmp_path / "k"
    earlier = build(run, directory)
    assert is_up_to_date(run, directory, PLAIN)
    publish_run(tmp_path, (1, 2, 3))
    assert not is_up_to_date(run, directory, PLAIN)
    with pytest.raises(KnowledgeError, match="the knowledge graph is of snapshot"):
        check_current(earlier, run)
    build(run, directory)
    assert load_knowledge(locate_previous(directory)).facts == earlier.facts
    check_current(load_knowledge(directory), run)


def test_what_was_retracted_counts_no_more_and_its_earlier_graph_goes(tmp_path):
    run, directory = publish_run(tmp_path), tmp_path / "k"
    earlier = build(run, directory)
    record_retraction(run.storage, "study", "CXR1", undo=False)
    assert not is_up_to_date(run, directory, PLAIN)
    with pytest.raises(KnowledgeError, match="other retractions"):
        check_current(earlier, run)
    facts = build(run, directory).facts
    assert facts["studies"] == len(TRAINING) - 1
    assert facts["studies_left_out"]["retracted"] == 1
    assert not locate_previous(directory).exists()


def test_a_graph_without_a_node_is_refused(tmp_path):
    run = publish_run(tmp_path, (TEST,))
    with pytest.raises(KnowledgeError, match="'of no training split': 1"):
        build_knowledge(run, tmp_path / "k", PLAIN)
    assert not (tmp_path / "k").exists()


def test_what_cannot_be_built_says_why(tmp_path):
    with pytest.raises(SnapshotError, match="radkg extract"):
        build_knowledge(Run(str(tmp_path / "none")), tmp_path / "k", PLAIN)
    run, images = publish_run(tmp_path), str(write_images(tmp_path / "images"))
    with pytest.raises(ExtractorError, match="no model directory"):
        build_knowledge(run, tmp_path / "k", BuildSettings(images=images, eye=tmp_path / "eye"))
    (tmp_path / "eye").mkdir()
    (tmp_path / "eye" / "config.json").write_text('{"kind": "onepass"}')
    with pytest.raises(ExtractorError, match="'onepass', not an eye"):
        build_knowledge(run, tmp_path / "k", BuildSettings(images=images, eye=tmp_path / "eye"))
