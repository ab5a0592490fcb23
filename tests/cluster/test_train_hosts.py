"""Training over hosts: the name of each leads to 127.0.0.1, and workers and drivers die."""

import pytest

from radkg.cluster.gloo import find_interface
from radkg.train.curve import read_curve, read_last_line
from tests.support.ray.training import STEPS, Driver, list_losses, three

__all__ = ["three"]


@pytest.mark.ray
@pytest.mark.long
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
def test_the_loss_goes_on_after_kills_of_workers_and_of_the_driver(three, tmp_path, parallel):
    quiet, killed = tmp_path / "quiet", tmp_path / "killed"
    Driver(three, quiet, parallel=parallel).end()
    driver = Driver(three, killed, parallel=parallel)
    driver.wait_for(8)
    three.kill_process(1, "RayTrainWorker")
    driver.wait_for(20)
    driver.kill()
    assert read_last_line(killed)["step"] < STEPS, "too late to prove anything"
    Driver(three, killed, parallel=parallel).end()
    assert list_losses(killed) == list_losses(quiet)
    assert {line["workers"] for line in read_curve(killed)} == {2}


def test_the_interface_is_the_one_that_leads_to_the_head():
    assert find_interface("127.0.0.1:6379") == "lo"
    assert find_interface("no-such-host.invalid:6379") is None
