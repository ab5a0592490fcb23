"""A real Ray head without CPUs, whose real autoscaler starts nodes on this machine.

The provider is Ray's own for tests: it "launches" a node by starting a raylet. Ray's
`AutoscalingCluster` is not used: it begins with `ray stop --force`, which ends every Ray here.
"""

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray

from tests.support.runs.processes import commands

_TABLES = ("auth", "file_mounts")
_LISTS = (
    *("cluster_synced_files", "initialization_commands", "rsync_exclude", "rsync_filter"),
    *("setup_commands", "head_setup_commands", "worker_setup_commands"),
    *("head_start_ray_commands", "worker_start_ray_commands"),
)
"""settings that the autoscaler asks for and this provider has no use for"""


@contextlib.contextmanager
def autoscaling_head(folder: Path, most: int) -> Iterator[str]:
    """Start the head, give its address, and end it with all its nodes.

    Args:
        folder: short and of this head alone.
        most: nodes of one CPU that the autoscaler may start.
    """
    worker = {"resources": {"CPU": 1}, "node_config": {}, "min_workers": 0, "max_workers": most}
    head = {"resources": {"CPU": 0}, "node_config": {}, "max_workers": 0}
    port = _free_port()
    address = f"{ray.util.get_node_ip_address()}:{port}"
    config = {
        "cluster_name": "fake_multinode",
        "max_workers": most,
        "provider": {
            "type": "external",
            "module": "ray.autoscaler._private.fake_multi_node.node_provider.FakeMultiNodeProvider",
            "gcs_address": address,
        },
        "available_node_types": {"ray.head.default": head, "worker": worker},
        "head_node_type": "ray.head.default",
        "upscaling_speed": 1,
        "idle_timeout_minutes": 5,
        **{key: {} for key in _TABLES},
        **{key: [] for key in _LISTS},
        "file_mounts_sync_continuously": False,
    }
    path = folder / "autoscaling.json"
    path.write_text(json.dumps(config))
    command = [
        *(str(Path(sys.executable).parent / "ray"), "start", "--head", "--block", "--num-cpus=0"),
        *(f"--port={port}", "--include-dashboard=false", f"--dashboard-port={_free_port()}"),
        *(f"--autoscaling-config={path}", f"--temp-dir={folder}/ray", "--disable-usage-stats"),
        *("--object-store-memory=157286400", f"--ray-client-server-port={_free_port()}"),
    ]
    token = folder / "token"
    token.write_text(secrets.token_hex(16))
    with contextlib.ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("RAY_AUTH_MODE", "token")  # for drivers too
        patch.setenv("RAY_AUTH_TOKEN_PATH", str(token))
        environment = os.environ | {"AUTOSCALER_UPDATE_INTERVAL_S": "1", "RAY_FAKE_CLUSTER": "1"}
        log = stack.enter_context((folder / "log").open("w"))
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        stack.callback(_end, process, folder)
        _wait_for(port, process, folder / "log")
        yield address


def _end(process: subprocess.Popen[bytes], folder: Path) -> None:
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=30)
    _kill_all(str(folder))
    process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    while True:
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.2)


def _kill_all(folder: str) -> None:
    """SIGKILL what still names the folder in its command: nodes of this head, nothing else."""
    for pid, command in commands().items():
        if folder in command and pid != os.getpid():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
