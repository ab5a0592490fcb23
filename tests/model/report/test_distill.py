"""The losses of distillation, against values computed by hand."""

import math

import pytest
import torch
from torch import nn

from radkg.errors import ConfigError
from radkg.model.report.distill import (
    DistillConfig,
    compute_feature_loss,
    compute_label_loss,
    compute_teacher_loss,
    record_levels,
)


def to_logit(share: float) -> float:
    return math.log(share / (1 - share))


def test_the_loss_of_labels_is_their_mean_cross_entropy():
    logits = torch.tensor([[to_logit(0.8), to_logit(0.1)]])
    loss = compute_label_loss(logits, torch.tensor([[1, 0]]))
    assert float(loss) == pytest.approx(-(math.log(0.8) + math.log(0.9)) / 2)


def test_the_loss_of_a_teacher_is_the_bernoulli_divergence_at_the_temperature():
    # at T = 2 these logits are the shares .6 and .9 of the teacher, .5 and .8 of the student
    teacher = torch.tensor([[2 * to_logit(0.6), 2 * to_logit(0.9)]])
    student = torch.tensor([[2 * to_logit(0.5), 2 * to_logit(0.8)]])
    by_hand = [
        0.6 * math.log(0.6 / 0.5) + 0.4 * math.log(0.4 / 0.5),
        0.9 * math.log(0.9 / 0.8) + 0.1 * math.log(0.1 / 0.2),
    ]
    loss = compute_teacher_loss(student, teacher, 2.0)
    assert float(loss) == pytest.approx(4 * sum(by_hand) / 2, rel=1e-5)
    assert float(compute_teacher_loss(teacher, teacher, 2.0)) == 0


def test_a_teacher_that_is_sure_gives_no_infinite_loss():
    loss = compute_teacher_loss(torch.tensor([[-200.0]]), torch.tensor([[200.0]]), 1.0)
    assert float(loss) == pytest.approx(200)


def test_the_size_of_the_gradient_does_not_depend_on_the_temperature():
    sizes = []
    for temperature in (10.0, 20.0):
        student = torch.zeros(1, 1, requires_grad=True)
        compute_teacher_loss(student, torch.ones(1, 1), temperature).backward()
        sizes.append(float(student.grad))
    assert sizes[0] == pytest.approx(sizes[1], rel=0.01)


def test_the_loss_of_features_is_the_squared_difference_of_normalised_cells():
    # two channels, normalised, are -1 and 1 or 1 and -1, whatever their size
    one, same = torch.tensor([[[1.0], [3.0]]]), torch.tensor([[[-5.0], [90.0]]])
    other = torch.tensor([[[3.0], [1.0]]])
    assert float(compute_feature_loss([one], [same])) == pytest.approx(0, abs=1e-4)
    assert float(compute_feature_loss([one], [other])) == pytest.approx(4, rel=1e-4)
    assert float(compute_feature_loss([one, one], [same, other])) == pytest.approx(2, rel=1e-4)
    with pytest.raises(ValueError, match="1 levels of the student, 2"):
        compute_feature_loss([one], [one, one])


def test_levels_are_recorded_and_the_network_is_left_as_it_was():
    blocks = nn.Sequential(*(nn.Linear(2, 2) for _ in range(3)))
    inputs = torch.ones(1, 2)
    with record_levels(blocks, (2, 0)) as found:
        output = blocks(inputs)
    assert torch.equal(found[0], blocks[0](inputs))
    assert torch.equal(found[1], output)
    assert len(found) == 2
    with pytest.raises(ConfigError, match="blocks 0 to 2 exist"), record_levels(blocks, (3,)):
        pass


@pytest.mark.parametrize(
    "wrong",
    [
        {"label_weight": -1.0},
        {"temperature": 0.0},
        {"feature_weight": 1.0},
        {"feature_levels": (1,)},
    ],
)
def test_impossible_weights_are_refused(wrong):
    with pytest.raises(ConfigError, match=r"give|both"):
        DistillConfig(**wrong)
    assert not DistillConfig(teacher_weight=0).needs_teacher
