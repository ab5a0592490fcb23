"""Training over hosts: one of them is lost, and another one comes."""

import math
from itertools import groupby

import pytest

from radkg.train.curve import read_curve
from tests.support.ray.training import Driver, three

__all__ = ["three"]


@pytest.mark.ray
@pytest.mark.long
@pytest.mark.timeout(1500)
def test_a_run_shrinks_with_a_lost_host_and_grows_with_a_new_one(three, tmp_path):
    driver = Driver(three, tmp_path, workers=[1, 2], num_steps=700, resize_s=5)
    driver.wait_for(20, workers=2)
    three.kill(2)
    driver.wait_for(20, workers=1)
    three.start(2)
    driver.wait_for(21, workers=2)
    driver.end(600)
    curve = read_curve(tmp_path)
    assert [line["step"] for line in curve] == list(range(1, 701))
    assert [number for number, _ in groupby(line["workers"] for line in curve)] == [2, 1, 2]
    assert all(math.isfinite(line["loss"]) for line in curve)
    assert curve[-1]["loss"] < 0.5 * curve[0]["loss"]
