"""The training loop without Ray, on a model of a few thousand weights."""

import io
import math

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from radkg.errors import ConfigError, TrainingError
from radkg.model.flops import count_training_flops, find_peak_flops
from radkg.train.trainer import TrainConfig, Trainer
from tests.support.runs.tiny import micro_batches, tiny_model


def config(**changes):
    return TrainConfig(**{"learning_rate": 3e-3, "projector_learning_rate": 6e-3} | changes)


def train(trainer, batches, steps, accumulate=1):
    losses = []
    for _ in range(steps):
        start = trainer.step_done * accumulate
        losses.append(trainer.step(batches[start : start + accumulate]).loss)
    return losses


def same_weights(one, other):
    return all(
        torch.equal(a, b)
        for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    )


def through_a_file(state):
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def test_it_learns_and_the_same_seed_gives_the_same_weights():
    first, second = tiny_model(), tiny_model()
    batches = micro_batches(first, 40)
    losses = train(Trainer(first, config(), 40, stage="vlm_kg"), batches, 40)
    train(Trainer(second, config(), 40, stage="vlm_kg"), batches, 40)
    assert losses[-1] < 0.6 * losses[0]
    assert same_weights(first, second)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_resumed_run_ends_with_equal_bits(precision):
    settings = config(precision=precision)
    whole, half, rest = tiny_model(), tiny_model(), tiny_model(seed=5)
    batches = micro_batches(whole, 20)
    expected = train(Trainer(whole, settings, 20, stage="vlm_kg"), batches, 20)
    begun = Trainer(half, settings, 20, stage="vlm_kg")
    before = train(begun, batches, 10)
    resumed = Trainer(rest, settings, 20, stage="vlm_kg")
    resumed.load_state_dict(through_a_file(begun.state_dict()))
    assert resumed.step_done == 10
    assert before + train(resumed, batches, 10) == expected
    assert same_weights(whole, rest)


def test_dropout_resumes_too():
    def model():
        torch.manual_seed(1)
        return Dropping()

    batches = [{"x": torch.randn(8, 4)} for _ in range(6)]
    whole, half, rest = model(), model(), model()
    train(Trainer(whole, config(), 6), batches, 6)
    begun = Trainer(half, config(), 6)
    train(begun, batches, 3)
    torch.manual_seed(99)
    resumed = Trainer(rest, config(), 6)
    resumed.load_state_dict(through_a_file(begun.state_dict()))
    train(resumed, batches, 3)
    assert same_weights(whole, rest)


def test_parts_of_a_step_weigh_what_they_have_to_say():
    one, other = tiny_model(), tiny_model()
    (batch,) = micro_batches(one, 1, batch_tokens=500)
    whole = Trainer(one, config(), 1, stage="vlm_kg").step([batch])
    cut = len(batch["labels"]) // 4
    parts = [{k: v[:cut] for k, v in batch.items()}, {k: v[cut:] for k, v in batch.items()}]
    split = Trainer(other, config(accumulate=2), 1, stage="vlm_kg").step(parts)
    assert split.loss == pytest.approx(whole.loss, abs=1e-6)
    assert split.grad_norm == pytest.approx(whole.grad_norm, rel=1e-4)
    assert (split.tokens, split.outputs, split.rows) == (whole.tokens, whole.outputs, whole.rows)


def test_a_filler_weighs_nothing():
    one, other = tiny_model(), tiny_model()
    batches = micro_batches(one, 2)
    Trainer(one, config(), 1, stage="vlm_kg").step(batches[:1])
    Trainer(other, config(), 1, stage="vlm_kg").step(batches, fillers=1)
    assert all(
        torch.allclose(a, b, atol=1e-7)
        for a, b in zip(one.parameters(), other.parameters(), strict=True)
    )


def test_a_loss_that_is_no_number_stops_the_run_and_spoils_nothing():
    model = tiny_model()
    trainer = Trainer(model, config(accumulate=2), 10, stage="vlm_kg")
    batches = micro_batches(model, 4)
    trainer.step(batches[:2])
    before = {name: value.clone() for name, value in model.state_dict().items()}
    batches[3]["features"][:] = math.nan
    batches[3]["is_view"][:] = True
    with pytest.raises(TrainingError, match=r"step 2 of 10: loss nan.*micro-batch 2 of 2.*lower"):
        trainer.step(batches[2:])
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert trainer.step_done == 1


def test_a_gradient_that_is_no_number_is_found_where_the_loss_is_one():
    trainer = Trainer(RootOfZero(), config(), 3)
    with pytest.raises(TrainingError, match="gradient norm nan, in its gradient"):
        trainer.step([{"x": torch.zeros(2, 1)}])


def test_stages_and_groups():
    model = tiny_model()
    trainer = Trainer(model, config(weight_decay=0.1), 5, stage="llm_kg")
    assert not any(name.startswith("projector") for name in trainer.trains)
    frozen = {n: p.clone() for n, p in model.named_parameters() if not p.requires_grad}
    train(trainer, micro_batches(model, 5), 5)
    assert frozen
    assert all(torch.equal(p, model.get_parameter(n)) for n, p in frozen.items())
    trainer = Trainer(model, config(weight_decay=0.1), 5, stage="vlm_kg")
    kinds = {(g["scale"], g["weight_decay"]) for g in trainer._optimizer.param_groups}
    assert kinds == {(1.0, 0.1), (1.0, 0.0), (2.0, 0.1), (2.0, 0.0)}
    for group in trainer._optimizer.param_groups:
        assert all((p.dim() > 1) == (group["weight_decay"] > 0) for p in group["params"])


def test_the_rate_rises_and_falls():
    trainer = Trainer(Dropping(), config(warmup=0.1, learning_rate=1.0), 100)
    rates = [trainer.compute_learning_rate(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9] == rates[10] == 1.0
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert 0 < rates[-1] < 0.01


def test_a_checkpoint_of_another_run_is_refused():
    state = Trainer(Dropping(), config(), 10).state_dict()
    with pytest.raises(TrainingError, match="another learning_rate, num_steps"):
        Trainer(Dropping(), config(learning_rate=1.0), 20).load_state_dict(state)


@pytest.mark.parametrize(
    "wrong",
    [
        {"precision": "fp16"},
        {"warmup": 1.0},
        {"epochs": 0},
        {"num_steps": 0},
        {"learning_rate": 0.0},
        {"clip_norm": -1.0},
    ],
)
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(ConfigError):
        TrainConfig(**wrong)


def test_flops_are_those_that_torch_counts():
    model = tiny_model()
    model.freeze_for("vlm_kg")
    tokens, rows = 40, 8  # rows of one length, an image in each, so that nothing is padding
    batch = {
        "input_ids": torch.randint(5, 300, (rows, tokens)),
        "attention_mask": torch.ones(rows, tokens, dtype=torch.int64),
        "labels": torch.randint(5, 300, (rows, tokens)),
        "features": torch.randn(rows, 1, 8),
        "is_view": torch.ones(rows, 1, dtype=torch.bool),
        "has_image": torch.ones(rows, dtype=torch.bool),
    }
    with FlopCounterMode(display=False) as counter:
        model(batch).backward()
    counted = count_training_flops(model, rows * tokens, rows * (tokens - 1), rows, rows)
    assert counted == pytest.approx(counter.get_total_flops(), rel=0.15)
    assert count_training_flops(Dropping(), 10, 5, 2) is None


def test_the_peak_of_a_cpu_is_measured():
    peak, source = find_peak_flops(torch.device("cpu"), "fp32")
    assert peak > 1e9
    assert "measured" in source


class Dropping(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, batch):
        return nn.functional.dropout(self.layer(batch["x"]), 0.5, self.training).square().mean()


class RootOfZero(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, batch):
        return (batch["x"] * self.weight).sqrt().mean() * 0
