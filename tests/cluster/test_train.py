"""Training on Ray Train: resume after real kills, errors, settings. Two gloo workers."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors.torch import load_file

from radkg.cluster.train import train, train_stage
from radkg.errors import ClusterError, ConfigError, TrainingError
from radkg.storage import open_storage
from radkg.train.curve import METRICS, read_curve, read_last_line
from radkg.train.directory import open_run_directory
from radkg.train.stage_task import TrainJob
from tests.support.runs import stage_tasks
from tests.support.runs.demo_run import user_environment

pytestmark = pytest.mark.ray

ROOT = Path(__file__).parents[2]
PATIENCE_S = 240

DRIVER = """
import sys
from radkg.cluster.train import train_stage
from radkg.train.stage_task import TrainJob
from tests.support.runs import stage_tasks
job = TrainJob(preset="small", archive="slow", out=sys.argv[1], workers=(2, 2))
train_stage(job, stage_tasks.stage())
"""


HEAD = """
import ray, sys
ray.init(address="local", num_cpus=2, include_dashboard=False, object_store_memory=256 << 20)
print(ray.get_runtime_context().gcs_address, flush=True)
sys.stdin.read()
ray.shutdown()
"""


def job(out, how="plain", **changes):
    return TrainJob(**{"preset": "small", "archive": how, "out": str(out)} | changes)


def weights(out):
    return load_file(out / "stages" / "vlm_kg" / "model" / "model.safetensors")


def workers(out):
    return {int(path.name) for path in (out / "pids").glob("*")}


@contextlib.contextmanager
def process(code, *arguments, **environment):
    """A Python process of our own; it is gone afterwards, whatever happens."""
    running = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env=user_environment(**environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield running
    finally:
        running.kill()
        running.wait()


@pytest.fixture
def address():
    """A Ray that may be harmed; gives its address."""
    with process(HEAD) as head:
        yield head.stdout.readline().strip()
        head.communicate("", timeout=60)  # its end of the input: it shuts Ray down


def wait(driver, true, what):
    """Wait for something while the driver runs."""
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert driver.poll() is None, driver.stderr.read()
        assert time.monotonic() < deadline, f"no {what}"
        time.sleep(0.05)


def step(out):
    line = read_last_line(out)
    return line["step"] if line else 0


@pytest.fixture(scope="module")
def quiet(ray_session, tmp_path_factory):
    """A run that nothing disturbed, into a directory that is given as users do: relative."""
    out = tmp_path_factory.mktemp("quiet")
    seen = []
    with contextlib.chdir(out.parent):
        relative = job(out.name, workers=(2, 2))
        train_stage(relative, stage_tasks.stage(), lambda *line: seen.append(line))
    assert seen[0] == ("vlm_kg", None)
    return out


def test_a_run_leaves_model_curve_and_card(quiet):
    assert [line["step"] for line in read_curve(quiet)] == list(range(1, stage_tasks.STEPS + 1))
    assert read_curve(quiet)[-1]["loss"] < 0.8 * read_curve(quiet)[0]["loss"]
    assert list((quiet / "tensorboard" / "vlm_kg").glob("events*"))
    assert "learning_rate: 0.003" in (quiet / "stages/vlm_kg/model/README.md").read_text()
    assert len(workers(quiet)) == 2
    assert not (quiet / "stages/vlm_kg/ray").exists()


def test_a_finished_stage_is_not_run_again(quiet):
    before = (quiet / METRICS).stat().st_mtime_ns
    train_stage(job(quiet, workers=(2, 2)), stage_tasks.stage())
    assert (quiet / METRICS).stat().st_mtime_ns == before


@pytest.mark.long
def test_workers_meet_on_s3_as_on_a_disk(quiet, s3_bucket, tmp_path):
    out = f"{s3_bucket}/train"
    seen = []
    train_stage(job(out, workers=(2, 2)), stage_tasks.stage(), lambda *line: seen.append(line))
    assert seen[0] == ("vlm_kg", None)
    sent = open_storage(out).list_names("")
    assert not [name for name in sent if name.startswith("stages/vlm_kg/ray")]
    assert [name for name in sent if name.startswith("tensorboard/vlm_kg/events")]
    with open_run_directory(out) as directory:
        directory.fetch_file(METRICS)
        curve = read_curve(directory.path)
        assert [line["loss"] for line in curve] == [line["loss"] for line in read_curve(quiet)]
        found = weights(directory.path)
        before = set(directory.path.rglob("*"))
        train_stage(job(out, workers=(2, 2)), stage_tasks.stage())  # it stands
    assert all((value == found[name]).all() for name, value in weights(quiet).items())
    assert not {path for path in before if path.exists()}


@pytest.mark.long
def test_killed_workers_and_a_killed_driver_change_nothing(quiet, address, tmp_path):
    """SIGKILL a worker, then the driver; the same command then ends as the quiet run did."""
    command = (DRIVER, str(tmp_path))
    with process(*command, RAY_ADDRESS=address) as driver:
        wait(driver, lambda: step(tmp_path) >= 8, "step 8")
        os.kill(max(workers(tmp_path)), signal.SIGKILL)
        wait(driver, lambda: len(workers(tmp_path)) == 4, "new workers")
        wait(driver, lambda: step(tmp_path) >= 16, "step 16")
        driver.send_signal(signal.SIGKILL)
        driver.wait()
    killed_at = step(tmp_path)
    assert killed_at < stage_tasks.STEPS, "the driver was killed too late to prove anything"
    assert not (tmp_path / "stages/vlm_kg/model").exists()
    with process(*command, RAY_ADDRESS=address) as again:
        _, said = again.communicate(timeout=2 * PATIENCE_S)
    assert again.returncode == 0, said
    assert len(workers(tmp_path)) == 6
    disturbed, undisturbed = read_curve(tmp_path), read_curve(quiet)
    assert [line["step"] for line in disturbed] == [line["step"] for line in undisturbed]
    assert [line["loss"] for line in disturbed] == [line["loss"] for line in undisturbed]
    assert disturbed[killed_at]["time"] > disturbed[0]["time"]
    assert all((value == weights(quiet)[name]).all() for name, value in weights(tmp_path).items())


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_killed_driver_goes_on_from_a_checkpoint_on_s3(quiet, s3_bucket, address):
    out = f"{s3_bucket}/killed"
    storage = open_storage(out)

    def lines():
        text = storage.read(METRICS).decode() if storage.exists(METRICS) else ""
        return [json.loads(line) for line in text.splitlines()]

    def is_registered():  # the controller takes notice of a checkpoint after the worker wrote it
        return any("checkpoint_manager" in name for name in storage.list_names(""))

    with process(DRIVER, out, RAY_ADDRESS=address) as driver:
        wait(driver, is_registered, "checkpoint")
        driver.send_signal(signal.SIGKILL)
        driver.wait()
    killed = time.time()
    assert not [name for name in storage.list_names("") if "/model" in name]
    with process(DRIVER, out, RAY_ADDRESS=address) as again:
        _, said = again.communicate(timeout=2 * PATIENCE_S)
    assert again.returncode == 0, said
    assert [line["loss"] for line in lines()] == [line["loss"] for line in read_curve(quiet)]
    assert lines()[0]["time"] < killed < lines()[-1]["time"]
    with open_run_directory(out) as directory:
        found = weights(directory.path)
    assert all((value == found[name]).all() for name, value in weights(quiet).items())


@pytest.mark.long
def test_a_loss_that_is_no_number_ends_the_run_at_once(ray_session, tmp_path):
    """And is not tried again; the number of workers is whatever there is between 1 and 2."""
    settings = stage_tasks.stage(num_steps=20, accumulate=4)
    with pytest.raises(TrainingError, match=r"loss nan, .* lower the learning rate"):
        train_stage(job(tmp_path, "nan", workers=(1, 2)), settings)
    assert len(workers(tmp_path)) <= 2
    assert 1 <= step(tmp_path) < 20
    assert not (tmp_path / "stages/vlm_kg/model").exists()


@pytest.mark.long
def test_what_fails_every_time_is_given_up(ray_session, tmp_path):
    with pytest.raises(ClusterError) as raised:
        train_stage(job(tmp_path, "crash", max_failures=1), stage_tasks.stage())
    assert str(raised.value) == (
        "stage vlm_kg failed, 2 times in all: worker 0: KeyError: 'a bug of ours': the last "
        "checkpoint stands, run the same command again"
    )


def test_wrong_settings_are_refused_before_anything_starts(tmp_path):
    for wrong in (
        {"workers": (0, 1)},
        {"workers": (3, 2)},
        {"parallel": "tensor"},
        {"steps": 0},
        {"out": "gs://bucket/run"},
    ):
        with pytest.raises(ConfigError):
            job(**{"out": "x"} | wrong)
    out = tmp_path / "out"
    for wrong in ({"preset": "big"}, {"stages": ("first",)}, {"stages": ("vision",)}):
        with pytest.raises(ConfigError):
            train(job(out, **wrong))
    assert not out.exists()


def test_another_run_is_not_gone_on_with(tmp_path):
    (tmp_path / "config.json").write_text(job(tmp_path, "openi", limit=10).to_json())
    with pytest.raises(ConfigError, match=r"another limit: give the same settings .* --out"):
        train(job(tmp_path, "openi", limit=20))
    assert json.loads((tmp_path / "config.json").read_text())["limit"] == 10
