"""Invented volumes: no projection tells them apart, and encoders of volumes do."""

import pytest
import torch

from radkg.experiments.volumes import DEPTH, SIDE, make_volumes, predict_balls
from radkg.metrics.auroc import compute_auroc


def test_a_ball_and_a_rod_throw_the_same_shadow():
    volumes, has_ball = make_volumes(200, seed=0)
    assert volumes.shape == (200, DEPTH, SIDE, SIDE)
    assert has_ball.sum() == 100
    shadows = volumes.mean(1).amax((1, 2))
    assert abs(shadows[has_ball].mean() - shadows[~has_ball].mean()) < 0.01
    brightest = volumes.mean((2, 3)).amax(1)  # of a slice
    assert brightest[has_ball].mean() > brightest[~has_ball].mean() + 0.01
    assert torch.equal(volumes, make_volumes(200, seed=0)[0])


@pytest.mark.parametrize(
    ("kind", "least", "most"),
    [
        ("image", 0.2, 0.7),
        ("slices", 0.9, 1.0),
        ("inflated", 0.72, 1.0),
    ],
)
def test_only_encoders_of_volumes_tell_what_depth_tells(kind, least, most):
    area = compute_auroc(*predict_balls(kind, number=96, tested=60, seed=0))
    assert least <= area <= most
