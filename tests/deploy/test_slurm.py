"""The Slurm script, run with stand-ins for Slurm's, Ray's and radkg's commands."""

import os
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "deploy/slurm/extract.sbatch"
SAID = 'echo "$(basename "$0") $*" >>"$SAID"\n'
COMMANDS = {
    "scontrol": "printf 'one\\ntwo\\nthree\\n'",
    "hostname": "echo 10.0.0.7 fe80::1",
    # runs the command on this machine, without its own options
    "srun": 'while [[ $1 == --* ]]; do shift; done; exec "$@"',
    "ray": '[ "$1" = health-check ] || exec sleep 600',
    "radkg": 'echo "address $RAY_ADDRESS mode $RAY_AUTH_MODE token $(stat -c %a '
    '"$RAY_AUTH_TOKEN_PATH") $(wc -c <"$RAY_AUTH_TOKEN_PATH")" >>"$SAID"; eval "$DRIVER"',
}


@pytest.fixture
def start(tmp_path):
    """Give a function that starts the script with a stand-in of the driver."""
    commands = tmp_path / "bin"
    commands.mkdir()
    for name, body in COMMANDS.items():
        path = commands / name
        path.write_text(f"#!/bin/bash\n{SAID}{body}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    started = []

    def run(driver, *options):
        environment = os.environ | {
            "PATH": f"{commands}:{os.environ['PATH']}",
            "SAID": str(tmp_path / "said"),
            "DRIVER": driver,
            "SLURM_JOB_ID": "123",
            "SLURM_JOB_NODELIST": "host[1-3]",
            "SLURM_CPUS_PER_TASK": "32",
            "SLURM_GPUS_ON_NODE": "1",
            "RADKG_SHARED": str(tmp_path / "shared"),
        }
        process = subprocess.Popen(
            ["bash", str(SCRIPT), *options], env=environment, start_new_session=True
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def test_bash_and_shellcheck_take_it():
    assert subprocess.run(["bash", "-n", str(SCRIPT)], check=False).returncode == 0
    done = subprocess.run(["shellcheck", str(SCRIPT)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_it_starts_ray_on_every_host_and_ends_as_the_driver_does(start, tmp_path):
    waits = 'until [ "$(grep -c \'^ray start\' "$SAID")" = 3 ]; do sleep .05; done; exit 3'
    assert start(waits, "--archive", "openi", "--out", "a b").wait(timeout=60) == 3
    said = (tmp_path / "said").read_text()
    lines = [line for line in said.splitlines() if line.startswith("ray start")]
    head, *workers = sorted(lines, key=lambda line: "--head" not in line)
    assert "--head --node-ip-address=10.0.0.7 --port=20123 --dashboard-host=127.0.0.1" in head
    assert "--num-cpus=32 --num-gpus=1" in head
    assert len(workers) == 2
    assert all("--address=10.0.0.7:20123" in worker for worker in workers)
    for host in ("one", "two", "three"):
        assert f"--nodelist={host} --overlap" in said
    assert "radkg extract --runner ray --json --archive openi --out a b" in said
    assert "address 10.0.0.7:20123 mode token token 600 65" in said
    assert not list((tmp_path / "shared").iterdir())  # the token goes with the job


def test_before_its_time_is_over_the_driver_is_asked_to_end(start, tmp_path):
    begins = 'trap \'echo asked >>"$SAID"; exit 4\' TERM; echo ready >>"$SAID"'
    waits = f"{begins}; while :; do sleep .1; done"
    process = start(waits)
    deadline = time.monotonic() + 60
    while "ready" not in ((tmp_path / "said").read_text() if (tmp_path / "said").exists() else ""):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.terminate()  # as Slurm does, to the script alone
    assert process.wait(timeout=60) == 4
    assert "asked" in (tmp_path / "said").read_text()
