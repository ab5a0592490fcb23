"""A teacher is a run or an extractor, and only studies that may teach do."""

import dataclasses
import json

import pytest

from radkg.archive import open_archive
from radkg.errors import ConfigError
from radkg.gold.annotated import is_kept_out
from radkg.gold.held_out import is_held_out
from radkg.run.settings import ExtractConfig
from radkg.train.presets import PRESETS
from radkg.train.silver import read_training_studies
from radkg.train.stage_task import TrainJob
from radkg.train.stages import onepass
from radkg.train.teacher import read_teacher
from radkg.train.trainer import TrainConfig
from tests.support.runs.extracting import extract_here

REPORTS = [
    ("Small left effusion.  Heart size is normal.", "train"),
    ("No pneumothorax. Possible edema of both lungs.", "train"),
    ("Large nodule in the right apex.", "test"),
    ("Stable cardiomegaly. Small left effusion.", "train"),
    ("Streaky opacities in the left base may reflect atelectasis.", "train"),
]


@pytest.fixture
def archive(tmp_path):
    rows = [
        {"study_id": f"s{n}", "report": f"FINDINGS: {report}", "split": split}
        for n, (report, split) in enumerate(REPORTS)
    ]
    path = tmp_path / "reports.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_a_run_teaches_what_an_extractor_would(archive, tmp_path):
    out = str(tmp_path / "out")
    extract_here(ExtractConfig(archive=archive, out=out, extractor="rules"))
    taught = read_teacher(out, archive, None)
    assert taught == read_teacher("rules", archive, None)
    studies = [s for s in read_training_studies(archive, None) if not is_held_out(s)]
    said = " ".join(study.report for study in studies)
    assert [one.sentence for one in taught] == sorted({one.sentence for one in taught})
    assert all(one.sentence in said and not is_kept_out(one.sentence) for one in taught)
    assert "Large nodule in the right apex" not in {one.sentence for one in taught}
    (one,) = [one for one in taught if one.sentence.startswith("Streaky")]
    assert [one.sentence[a:b] for a, b, _ in one.spans] == [
        "Streaky",
        "opacities",
        "left",
        "base",
        "atelectasis",
    ]
    assert (1, 4, "suggestive_of") in one.links


def test_a_report_that_changed_since_the_run_does_not_teach(archive, tmp_path):
    out = str(tmp_path / "out")
    extract_here(ExtractConfig(archive=archive, out=out, extractor="rules"))
    text = open_archive(archive).uri
    with open(text) as file:
        changed = file.read().replace("Small left effusion.  Heart", "Clear.  Heart")
    with open(text, "w") as file:
        file.write(changed)
    taught = {one.sentence for one in read_teacher(out, archive, None)}
    assert "Heart size is normal" not in {sentence.rstrip(".") for sentence in taught}
    assert taught


def test_a_run_of_another_archive_is_said(archive, tmp_path):
    other = tmp_path / "other.jsonl"
    other.write_text(json.dumps({"study_id": "x", "report": "FINDINGS: Clear."}) + "\n")
    out = str(tmp_path / "out")
    extract_here(ExtractConfig(archive=str(other), out=out, extractor="rules"))
    with pytest.raises(ConfigError, match="give the run of this archive"):
        read_teacher(out, archive, None)


def test_the_one_pass_model_learns_from_its_teacher(archive, tmp_path, monkeypatch):
    """In place of the rules' reading of invented sentences."""
    monkeypatch.setattr(onepass, "read_labelled_sentences", list)
    job = TrainJob(preset="onepass", archive=archive, out=str(tmp_path), teacher="rules")
    (stage,) = PRESETS["onepass"]
    stage = dataclasses.replace(stage, config=TrainConfig(num_steps=1, batch_tokens=100))
    paths = onepass.StagePaths(tmp_path, stage.name)
    paths.data.mkdir(parents=True)
    onepass.prepare(job, stage, paths)
    lines = (paths.data / "sentences.jsonl").read_text().splitlines()
    taught = read_teacher("rules", archive, None)
    assert [json.loads(line)["sentence"] for line in lines][: len(taught)] == [
        one.sentence for one in taught
    ]


def test_who_takes_a_teacher():
    takers = {name for name, stages in PRESETS.items() if any(s.takes_teacher for s in stages)}
    assert takers == {"small", "onepass", "published"}
    with pytest.raises(ConfigError, match="leave --teacher out"):
        TrainJob(
            preset="small", archive="a", out="o", radgraph="f", only_radgraph=True, teacher="rules"
        )
