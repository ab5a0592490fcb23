"""Both stages of MedKit on invented studies, from the archive to a reporter, in seconds."""

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from radkg.archive import open_archive
from radkg.errors import ConfigError, KnowledgeError
from radkg.experiments.medkit_variants import count_knowledge
from radkg.knowledge.store import write_knowledge
from radkg.model.language import make_language_model
from radkg.model.report.medkit_files import read_medkit
from radkg.model.report.wording import PUBLISHED_WORDING, train_report_tokenizer
from radkg.reporter.loading import load_reporter
from radkg.reporter.rows import write_drafts
from radkg.schema.records import Study
from radkg.train.finish import finish_model
from radkg.train.loop import run_stage
from radkg.train.presets import PRESETS
from radkg.train.reports.medkit_held_out import complete_medkit
from radkg.train.reports.medkit_settings import MedKitSettings
from radkg.train.stage_task import StagePaths, TrainJob, open_stage_task, prepare_stage
from tests.evaluation.coded_archive import coded_archive, write_coded_images
from tests.model.report.tiny import language_config

BASE, STUDENT = PRESETS["medkit-small"]
SETTINGS = {"side": 32, "vocab_size": 400, "labels": ["effusion", "cardiomegaly", "opacity"]}


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path:
    return coded_archive(tmp_path_factory.mktemp("archive") / "coded.tgz")


@pytest.fixture(scope="module")
def images(archive, tmp_path_factory) -> Path:
    return write_coded_images(archive, tmp_path_factory.mktemp("images"))


def read_studies(archive: Path, images: Path) -> list[Study]:
    opened = open_archive(str(archive), str(images))
    records = [r for r in opened.index().to_pylist() if r["split"] == "train"]
    return [study for study in opened.read(records) if isinstance(study, Study)]


@pytest.fixture(scope="module")
def knowledge(archive, images, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("graphs") / "knowledge"
    found = count_knowledge(read_studies(archive, images))
    found.facts.update(snapshot_id="an-invented-one", retractions=0)
    write_knowledge(folder, found)
    return folder


@pytest.fixture
def make_job(archive, images, knowledge, tmp_path):
    def make(**changes) -> TrainJob:
        values = {
            "preset": "medkit-small",
            "archive": str(archive),
            "images": str(images),
            "out": str(tmp_path / "run"),
            "knowledge": str(knowledge),
            "steps": 2,
            "settings": SETTINGS,
        }
        return TrainJob(**values | changes)

    return make


def train(job: TrainJob, *stages) -> dict[str, torch.nn.Module]:
    """Run stages in this process; return the models that trained."""
    models = {}
    for stage in stages or (BASE, STUDENT):
        paths = StagePaths(Path(job.out), stage.name)
        prepare_stage(job, stage, paths)
        task = open_stage_task(job, stage, paths)
        config = stage.make_train_config(job)
        state = run_stage(task, config, stage.name, paths.out, checkpoint=lambda *_: None)
        task.save(paths.model, dict(state["model"]), "- notes of a test\n")
        models[stage.name] = task.model
    return models


def test_two_stages_leave_a_reporter_and_a_card(make_job, archive, images):
    job = make_job()
    models = train(job)
    base, student = models["medkit_base"], models["medkit_student"]
    assert base.teacher is None
    saved = read_medkit(Path(job.out) / "stages" / "medkit_base" / "model")
    for name, weight in saved.vision.state_dict().items():  # the teacher is the base as saved
        assert torch.equal(student.teacher.state_dict()[name], weight), name
    directory = finish_model(job, STUDENT)
    config = json.loads((directory / "config.json").read_text())
    assert config["kind"] == "medkit"
    assert config["snapshot_id"] == "an-invented-one"
    assert config["sentences"][0].startswith("effusion: often small")
    assert config["distill"]["teacher_weight"] == 1.0
    assert saved.config.sentences == ()
    card = (directory / "README.md").read_text()
    assert "| this model |" in card
    assert "| the commonest label and report |" in card
    assert "3 labels; threshold chosen there" in card
    drafts = write_drafts(load_reporter(str(directory)), read_studies(archive, images)[:3])
    assert {draft.status for draft in drafts} <= {"unverified", "empty"}
    assert "the same confidences" not in card
    weights = load_file(directory / "model.safetensors")
    weights["vision.head.weight"].zero_()
    save_file(weights, directory / "model.safetensors")
    assert "**Every image gets the same confidences" in complete_medkit(job, directory)


def test_terms_are_switched_off_by_their_settings(make_job):
    job = make_job(
        steps=1, settings={**SETTINGS, "knowledge": False, "teacher_weight": 0}, knowledge=None
    )
    student = train(job)["medkit_student"]
    assert student.teacher is None
    assert student.student.prompts is None
    assert student.distill.label_weight == 1.0


def test_a_published_language_model_stays_frozen_and_goes_along(make_job, tmp_path):
    folder = tmp_path / "published"
    make_language_model(language_config()).save_pretrained(folder)
    tokenizer = train_report_tokenizer(["No effusion. The heart is large."], 400, PUBLISHED_WORDING)
    tokenizer.save(str(folder / "tokenizer.json"))
    job = make_job(steps=1, language=str(folder))
    student = train(job)["medkit_student"].student
    assert not any(weight.requires_grad for weight in student.generator.parameters())
    directory = finish_model(job, STUDENT)
    with safe_open(directory / "model.safetensors", "pt") as file:
        assert not [name for name in file.keys() if name.startswith("generator.")]  # noqa: SIM118
    model = read_medkit(directory)  # `language` stands inside
    frozen = student.generator.state_dict()
    for name, weight in model.generator.state_dict().items():
        assert torch.equal(weight, frozen[name]), name
    assert model.config.language_id


def test_what_is_missing_is_said(make_job, tmp_path):
    paths = StagePaths(tmp_path / "run", "medkit_base")
    (tmp_path / "none").mkdir()
    for changes, error, message in (
        ({"knowledge": None}, ConfigError, "give its directory as --knowledge, or --set"),
        ({"settings": {**SETTINGS, "labels": ["hernia"]}}, KnowledgeError, "hernia"),
        ({"images": str(tmp_path / "none")}, ConfigError, "0 training studies .* too few"),
    ):
        with pytest.raises(error, match=message):
            prepare_stage(make_job(**changes), BASE, paths)
    with pytest.raises(ConfigError, match="goes on from medkit_base, which does not stand"):
        prepare_stage(make_job(), STUDENT, StagePaths(tmp_path / "run", "medkit_student"))


@pytest.mark.parametrize(
    "wrong",
    [{"threshold": 2}, {"knowledge": "no"}, {"side": 8}, {"feature_weight": 1}, {"teacher": True}],
)
def test_a_wrong_setting_is_refused(wrong):
    with pytest.raises(ConfigError):
        MedKitSettings.from_mapping(wrong)
