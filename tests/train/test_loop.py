"""The loop of a stage: alone and with two gloo workers, which must learn the same."""

import math
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from radkg.errors import ConfigError, TrainingError
from radkg.train.curve import METRICS, Curve, read_curve, read_last_line
from radkg.train.loop import count_steps, iterate_micro_batches, run_stage
from radkg.train.trainer import TrainConfig, Trainer
from tests.support.runs.stage_tasks import TinyTask
from tests.support.runs.tiny import tiny_model
from tests.train.pair import STEPS, learn

ROOT = Path(__file__).parents[2]


def losses(out):
    return [line["loss"] for line in read_curve(out)]


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    out = tmp_path_factory.mktemp("pair")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "tests.train.pair", str(out)]
    both = [
        subprocess.Popen([*command, rank, port], cwd=ROOT, stderr=subprocess.PIPE, text=True)
        for rank in "01"
    ]
    said = [process.communicate(timeout=240)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], "\n".join(said)
    return out


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    out = tmp_path_factory.mktemp("alone")
    return out, *learn(out)


@pytest.mark.parametrize("mode", ["ddp", "fsdp"])
def test_two_workers_learn_what_one_learns(pair, alone, mode):
    out, last, _ = alone
    assert losses(pair / mode) == pytest.approx(losses(out), abs=1e-5)
    state = torch.load(pair / mode / "last.pt", weights_only=True)
    assert state["model"].keys() == last["model"].keys()
    for name, value in state["model"].items():
        torch.testing.assert_close(value, last["model"][name], atol=1e-4, rtol=1e-3)
    assert read_curve(pair / mode)[-1]["workers"] == 2


@pytest.mark.parametrize("mode", ["ddp", "fsdp"])
def test_one_worker_goes_on_where_two_stopped(pair, alone, mode, tmp_path):
    state = torch.load(pair / mode / "half.pt", weights_only=True)
    learn(tmp_path, state=state)
    assert [line["step"] for line in read_curve(tmp_path)] == list(range(7, STEPS + 1))
    assert losses(tmp_path) == pytest.approx(losses(alone[0])[6:], abs=1e-5)


def test_sharded_workers_go_on_where_copies_stopped(pair, alone):
    assert losses(pair / "ddp-fsdp") == pytest.approx(losses(alone[0])[6:], abs=1e-5)


def test_bf16_learns_about_the_same(pair, alone):
    assert losses(pair / "bf16") == pytest.approx(losses(alone[0]), rel=0.05)


def test_a_step_that_cannot_be_shared_evenly_stays_whole(pair, tmp_path):
    learn(tmp_path, accumulate=3)
    assert losses(pair / "uneven") == pytest.approx(losses(tmp_path), abs=1e-5)


def test_more_workers_than_micro_batches_are_refused(monkeypatch):
    monkeypatch.setattr("torch.distributed.is_initialized", lambda: True)
    monkeypatch.setattr("torch.distributed.get_rank", lambda: 0)
    monkeypatch.setattr("torch.distributed.get_world_size", lambda: 3)
    with pytest.raises(ConfigError, match="3 workers, but a step has 2"):
        Trainer(tiny_model(), TrainConfig(accumulate=2), 5)


def test_a_stage_resumed_alone_is_the_whole_one(alone, tmp_path):
    out, last, kept = alone
    resumed, _ = learn(tmp_path, state=kept[6])
    assert losses(tmp_path) == losses(out)[6:]
    assert all(torch.equal(v, last["model"][n]) for n, v in resumed["model"].items())


def test_the_curve_takes_back_what_came_after_the_checkpoint(alone, tmp_path):
    out, _, kept = alone
    (tmp_path / METRICS).write_text((out / METRICS).read_text() + '{"stage": "vlm_kg", "st')
    learn(tmp_path, state=kept[6])
    assert [line["step"] for line in read_curve(tmp_path)] == list(range(1, STEPS + 1))
    assert losses(tmp_path) == losses(out)
    assert read_last_line(tmp_path)["step"] == STEPS


def test_a_line_tells_speed_padding_and_use(alone):
    line = read_curve(alone[0])[-1]
    assert line["tokens_per_s"] > 0
    assert 0 <= line["padding"] < 1
    assert line["mfu"] > 0  # the peak is measured beside other work: no upper bound
    assert line["eta_s"] == 0
    assert list((alone[0] / "tensorboard" / "vlm_kg").iterdir())


def test_stages_share_a_curve(tmp_path):
    (tmp_path / METRICS).write_text('{"stage": "llm_kg", "step": 9}\n')
    with Curve(tmp_path, "vlm_kg", 0, 5):
        pass
    assert read_curve(tmp_path) == [{"stage": "llm_kg", "step": 9}]


def test_a_broken_batch_is_named(tmp_path):
    task = TinyTask("nan")
    config = TrainConfig(num_steps=9, batch_tokens=128, accumulate=2)
    with pytest.raises(TrainingError, match=r"step 4 of 9: loss nan.*micro-batch 1 of 2"):
        run_stage(task, config, "vlm_kg", tmp_path, checkpoint=lambda state, step: None)
    assert all(math.isfinite(loss) for loss in losses(tmp_path))


def test_every_epoch_has_every_example_once():
    task = TinyTask("plain")
    config = TrainConfig(batch_tokens=100, epochs=3)
    count = count_steps(task, config)
    stream = iterate_micro_batches(task, config)
    seen = [i for _, members in zip(range(count), stream, strict=False) for i in members]
    assert sorted(seen) == sorted([*range(len(task.rows))] * 3)
    task.lengths = []
    with pytest.raises(ConfigError, match="no example"):
        count_steps(task, config)
