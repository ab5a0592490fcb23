"""`radkg train` and jobs/train.py as a user runs them, on a few studies of the wheel."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from radkg.archive import open_archive
from radkg.cluster.train import train
from radkg.errors import ConfigError
from radkg.model.config import LanguageConfig
from radkg.model.language import make_language_model, train_tokenizer
from radkg.train.curve import read_curve
from radkg.train.stage_task import TrainJob
from tests.support.runs.demo_run import user_environment
from tests.support.runs.tiny import examples

pytestmark = pytest.mark.ray

ROOT = Path(__file__).parents[2]
STUDIES = 12


def run(*arguments):
    return subprocess.run(
        [sys.executable, str(ROOT / "jobs" / "train.py"), *arguments],
        env=user_environment(),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


@pytest.fixture
def images(tmp_path):
    """An invented picture for each image of the first studies."""
    folder = tmp_path / "images"
    folder.mkdir()
    rng = np.random.default_rng(0)
    records = [r for r in open_archive("openi").index().to_pylist() if r["split"] == "train"]
    for record in records[:STUDIES]:
        for image in record["images"]:
            pixels = rng.integers(0, 255, (40, 30), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{image['image_id']}.png")
    return folder


@pytest.fixture
def broken_language(tmp_path):
    """A Hugging Face directory of the Qwen2 architecture, whose weights are too large to add up."""
    config = LanguageConfig(
        vocab_size=400, hidden=32, layers=1, heads=2, kv_heads=2, intermediate=32
    )
    folder = tmp_path / "language"
    model = make_language_model(config)
    with torch.no_grad():
        model.model.norm.weight.fill_(3e38)
    model.save_pretrained(folder)
    train_tokenizer((e.sentence for e in examples()), config).save(str(folder / "tokenizer.json"))
    return folder


@pytest.mark.long
def test_the_small_preset_runs_all_its_stages(tmp_path, images):
    out = tmp_path / "out"
    done = run(
        *("--preset", "small", "--archive", "openi", "--images", str(images), "--out", str(out)),
        *("--limit", str(STUDIES), "--steps", "2", "--json"),
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert [s["stage"] for s in report["stages"]] == ["vision", "llm_kg", "vlm_kg"]
    assert [s["step"] for s in report["stages"]] == [2, 2, 2]
    assert {line["stage"] for line in read_curve(out)} == {"vision", "llm_kg", "vlm_kg"}
    assert "vlm_kg: reading the archive" in done.stderr
    model = out / "model"
    assert {p.name for p in model.iterdir()} == {
        *("README.md", "config.json", "model.safetensors", "tokenizer.json", "vision")
    }
    config = json.loads((model / "config.json").read_text())
    assert config["kind"] == "vlm"
    assert config["vision"]["encoder_id"]
    assert any(name.startswith("projector.") for name in load_file(model / "model.safetensors"))
    assert json.loads((out / "config.json").read_text())["limit"] == STUDIES


@pytest.mark.long
def test_a_loss_that_is_no_number_is_an_error_and_an_exit_code(tmp_path, broken_language):
    done = run(
        *("--preset", "published", "--stage", "llm_kg", "--language", str(broken_language)),
        *("--out", str(tmp_path / "out"), "--limit", "5", "--steps", "2", "--precision", "fp32"),
    )
    assert done.returncode == 1
    assert "error: step 1 of 2: loss nan" in done.stderr
    assert "lower the learning rate" in done.stderr
    assert not (tmp_path / "out" / "model").exists()


@pytest.mark.long
def test_a_user_brings_examples(ray_session, tmp_path):
    file = tmp_path / "mine.json"
    entity = {"label": "OBS-DP", "start_ix": 1, "end_ix": 1, "tokens": "flurb", "relations": []}
    documents = {"a": {"text": "A flurb .", "entities": {"1": entity}}}
    file.write_text(json.dumps(documents))
    out = tmp_path / "out"
    job = TrainJob(
        preset="onepass",
        archive="openi",
        out=str(out),
        radgraph=str(file),
        only_radgraph=True,
        limit=5,
        steps=2,
    )
    report = train(job)
    assert report.stages[0]["step"] == 2
    (line,) = (out / "stages/onepass/data/sentences.jsonl").read_text().splitlines()
    assert json.loads(line)["spans"] == [[2, 7, "OBS-DP"]]
    assert json.loads((out / "model/config.json").read_text())["kind"] == "onepass"


def test_a_stage_needs_what_it_goes_on_from(ray_session, tmp_path, images):
    for settings, hint in (
        ({"preset": "published", "stages": ("llm_kg",)}, "give --language DIR"),
        ({"preset": "small", "stages": ("vlm_kg",), "images": str(images)}, "train it first"),
        ({"preset": "small", "only_radgraph": True}, "give --radgraph FILE"),
    ):
        with pytest.raises(ConfigError, match=hint):
            train(TrainJob(archive="openi", out=str(tmp_path / "out"), limit=3, **settings))
        (tmp_path / "out" / "config.json").unlink(missing_ok=True)
