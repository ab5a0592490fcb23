"""R2GenKG's stage from archive and graph to a model directory, and what it refuses."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from transformers import (
    BertConfig,
    BertModel,
    BertTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    SwinConfig,
    SwinModel,
)

from radkg.cluster.train import train
from radkg.errors import ConfigError, KnowledgeError, TrainingError
from radkg.gold.coded import load_coded_studies
from radkg.model.report.files import read_r2genkg
from radkg.model.report.r2genkg_config import R2GenKGConfig, SightConfig
from radkg.model.report.wording import PUBLISHED_WORDING
from radkg.model.vision.encoders import IMAGENET
from radkg.reporter.r2genkg import load_r2genkg
from radkg.schema.drafts import check_draft
from radkg.train.reports import settings
from radkg.train.stage_task import StagePaths, open_stage_task, prepare_stage
from radkg.train.trainer import Trainer
from tests.model.report.tiny import language, make_config
from tests.train.reports.toys import make_knowledge, make_stage, run_job


def prepare(job, stage) -> tuple[R2GenKGConfig, Path]:
    paths = StagePaths(Path(job.out), stage.name)
    prepare_stage(job, stage, paths)
    values = json.loads((paths.data / "config.json").read_text())
    return R2GenKGConfig.from_mapping(values), paths.data


def test_the_loss_falls_and_the_directory_needs_nothing_beside_it(trained):
    first, last = trained.losses
    assert last < first - 0.5
    names = {path.name for path in trained.model.iterdir()}
    assert names == {"README.md", "config.json", "model.safetensors", "tokenizer.json", "vision"}
    model = read_r2genkg(trained.model)
    assert model.config.snapshot_id == "night1"
    assert model.config.sight.encoder == "vision"
    assert model.bank is not None
    assert model.bank.tokens.any()
    assert model.graph is not None
    assert model.graph.heads.any()
    assert "Knowledge graph of snapshot `night1`, real: 9 of 9 nodes go on, 12 edges" in (
        trained.card
    )
    assert "| BLEU-4 |" in trained.card
    assert "| findings F1 |" in trained.card


def test_what_is_learnt_from_leaves_the_held_out_tenth_out(trained):
    data = StagePaths(Path(trained.job.out), "report").data
    rows = [json.loads(line) for line in (data / "reports.jsonl").read_text().splitlines()]
    held_out = int(trained.card.partition("| studies |")[2].split()[0])
    assert held_out >= 1
    assert len(rows) + held_out == trained.job.limit
    assert all(row["image_ids"] and row["text"].endswith("is intact.") for row in rows)
    assert any(row["findings"] == ["effusion"] for row in rows)


def test_the_trained_model_reports(trained):
    studies = load_coded_studies(trained.job.archive, "train", trained.job.images).studies[:3]
    drafts = load_r2genkg(trained.model)(studies)
    assert [check_draft(draft).study_id for draft in drafts] == [s.study_id for s in studies]
    assert {draft.status for draft in drafts} <= {"unverified", "empty"}


@pytest.mark.parametrize(
    ("switches", "holds"),
    [
        ({}, lambda c: c.graph.mode == "real" and c.prefix_length == 49 + 9 + 49 + 14 + 14),
        ({"graph": "shuffled"}, lambda c: c.graph.mode == "shuffled"),
        ({"nodes": 0}, lambda c: c.graph is None and c.prefix_length == 49 + 28),
        ({"nodes": 500}, lambda c: c.graph.chosen == 4),
        ({"v2kg": False, "kg2v": False}, lambda c: c.prefix_length == 49 + 28),
        ({"bank": False}, lambda c: c.bank_size == 0 and c.prefix_length == 49 + 9 + 49 + 14),
        ({"sight": "findings"}, lambda c: "effusion" in c.sight.findings),
    ],
)
def test_each_switch_changes_the_model(make_job, switches, holds):
    config, _ = prepare(make_job(settings=switches), make_stage())
    assert holds(config)


def test_disturbed_graphs_reach_the_model(make_job):
    branches = {}
    for mode in ("real", "shuffled", "random", "zero"):
        job, stage = make_job(settings={"graph": mode}), make_stage()
        prepare(job, stage)
        model = open_stage_task(job, stage, StagePaths(Path(job.out), "report")).model
        branches[mode] = model.eval().graph()
    assert not branches["zero"].any()
    others = [branches[mode] for mode in ("real", "shuffled", "random")]
    assert not any(torch.allclose(others[i], others[i - 1]) for i in range(3))


@pytest.mark.parametrize(
    ("graph", "changes", "error", "hint"),
    [
        ({"tower": None}, {}, KnowledgeError, "no visual tokens"),
        ({"tower": IMAGENET}, {}, KnowledgeError, "are of tower"),
        ({"edges": 0}, {}, KnowledgeError, "9 nodes and 0 edges"),
        ({}, {"settings": {"node_text": "/nowhere"}}, ConfigError, "is no text encoder"),
        ({}, {"settings": {"nodes": 42}}, ConfigError, "nodes 42 is none of 0, 100"),
        ({}, {"settings": {"nodez": 42}}, ConfigError, "did you mean 'nodes'"),
        ({}, {"settings": {"bank": "no"}}, ConfigError, "neither true nor false"),
        ({}, {"settings": {"size": "published"}}, ConfigError, "give --language DIR"),
        ({}, {"language": "/nowhere"}, ConfigError, "leave --language out"),
    ],
)
def test_what_does_not_fit_is_refused(make_job, tmp_path, graph, changes, error, hint):
    knowledge = str(make_knowledge(tmp_path / "knowledge", **graph)) if graph else None
    job = make_job(**changes | ({"knowledge": knowledge} if knowledge else {}))
    with pytest.raises(error, match=hint):
        prepare(job, make_stage())


def test_no_image_no_knowledge_and_a_changed_graph_are_refused(make_job, tmp_path):
    with pytest.raises(ConfigError, match="give its directory as --knowledge"):
        train(make_job(knowledge=None))
    with pytest.raises(ConfigError, match="learns from images: give --images"):
        train(make_job(images=None))
    with pytest.raises(ConfigError, match="no setting 'nodes'"):
        train(make_job(preset="onepass", settings={"nodes": 0}))
    (tmp_path / "images").mkdir()
    with pytest.raises(ConfigError, match="check --images"):
        prepare(make_job(images=str(tmp_path / "images")), make_stage())
    one, other = make_knowledge(tmp_path / "one"), make_knowledge(tmp_path / "other", width=9)
    (one / "bank.parquet").write_bytes((other / "bank.parquet").read_bytes())
    with pytest.raises(KnowledgeError, match=r"bank\.parquet was changed"):
        prepare(make_job(knowledge=str(one)), make_stage())


def test_a_loss_that_is_no_number_ends_the_training(make_job):
    job, stage = make_job(), make_stage()
    prepare(job, stage)
    task = open_stage_task(job, stage, StagePaths(Path(job.out), "report"))
    batch = task.collate([0, 1], 0)
    batch["seen"] = torch.full_like(batch["seen"], torch.nan)
    with pytest.raises(TrainingError, match="loss nan"):
        Trainer(task.model, stage.config, 2).step([batch])


@pytest.fixture
def published(tmp_path, monkeypatch):
    """Small directories in the published layouts of Swin, Llama and BERT; our sizes around them."""
    swin = SwinConfig(image_size=56, embed_dim=8, depths=[1, 1], num_heads=[1, 1])
    SwinModel(swin, add_pooling_layer=False).save_pretrained(tmp_path / "swin")
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "intermediate_size": 32}
    sizes |= {"num_attention_heads": 2, "vocab_size": 400}
    BertModel(BertConfig(**sizes)).save_pretrained(tmp_path / "bert")
    (tmp_path / "bert" / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"abcdefghijklmnopqrstuvwxyz"]))  # fmt: skip  # noqa: E501
    BertTokenizer(str(tmp_path / "bert" / "vocab.txt")).save_pretrained(tmp_path / "bert")
    llama = LlamaForCausalLM(LlamaConfig(**sizes | {"hidden_size": 32}))
    llama.save_pretrained(tmp_path / "llama")
    language().tokenizer.save(str(tmp_path / "llama" / "tokenizer.json"))
    wording = dataclasses.replace(PUBLISHED_WORDING, bos="<|write|>", eos="<|end|>")
    small = make_config(
        sight=SightConfig(), language=None, adaptation="frozen", wording=wording,
        graph=dataclasses.replace(make_config().graph, positions=600),
    )  # fmt: skip
    monkeypatch.setattr(settings, "make_published_r2genkg", lambda: small)
    return tmp_path


@pytest.mark.parametrize("adaptation", [None, "lora"])
def test_published_parts_train_and_report(make_job, published, adaptation):
    stage = make_stage(size="published", node_text=str(published / "bert"), adaptation=adaptation)
    job = make_job(language=str(published / "llama"), vision=str(published / "swin"))
    losses, directory, _ = run_job(job, stage)
    assert losses[1] < losses[0]
    assert (directory / "language" / "model.safetensors").is_file()
    model = read_r2genkg(directory)
    assert model.config.sight.kind == "swin"
    assert model.config.sight.dim == 16
    assert model.config.language_id
    assert model.graph is not None
    assert model.graph.names.dtype == torch.float32
    start = LlamaForCausalLM.from_pretrained(published / "llama")
    embedding = model.generator.model.get_input_embeddings().weight
    torch.testing.assert_close(embedding, start.get_input_embeddings().weight)  # it did not learn
    study = load_coded_studies(job.archive, "train", job.images).studies[0]
    (draft,) = load_r2genkg(directory)([study])
    check_draft(draft)


def test_published_parts_that_are_none_are_named(make_job, published):
    stage = make_stage(size="published", node_text=str(published / "bert"))
    parts = {"language": str(published / "llama"), "vision": str(published / "swin")}
    for name, hint in (("language", "is no language model"), ("vision", "no Swin transformer")):
        with pytest.raises(ConfigError, match=hint):
            prepare(make_job(**parts | {name: str(published / "bert" / "none")}), stage)
    with pytest.raises(ConfigError, match="width 16, the graph branch has 128"):
        prepare(make_job(settings={"node_text": str(published / "bert")}), make_stage())
