"""A cluster as a newcomer starts it: cluster.yaml and the commands of the guide, on machines.py.

The machines are a laptop, a head, hosts that work, and one with services: an S3 server and, where
asked for, Neo4j. The hosts already hold what radkg depends on, as after an earlier `ray up`, so
that pip need not fetch gigabytes; all commands of cluster.yaml run as they stand.
"""

import contextlib
import re
import secrets
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.graph.servers import SOURCES, neo4j_jars
from tests.support.pages.blocks import ROOT
from tests.support.ray.doors import doors
from tests.support.ray.machines import Machine, Machines, machines

GUIDE = ROOT / "docs" / "guides" / "clusters.md"
LAPTOP, HEAD, SERVICES = "laptop", "head", "services"
S3_PORT = 5000
_VENV = Path(sys.executable).parent


class Launched:
    """A cluster whose machines can be switched on and off; the laptop submits jobs."""

    def __init__(self, machines: Machines, tools: Path, wheels: Path) -> None:
        self.machines = machines
        self._tools, self._wheels = tools, wheels
        self.laptop = machines.switch_on(LAPTOP)
        self._environment = {
            "PATH": f"{tools}:{_VENV}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "PYTHONPATH": str(ROOT),
            "RAY_USAGE_STATS_ENABLED": "0",
        }

    def switch_on(self, name: str) -> Machine:
        """Start a host; its user has python3, ssh and rsync, and a virtual environment."""
        machine = self.machines.switch_on(name)
        python = Path(sys.base_prefix) / "bin"
        lines = [
            f"export PATH={self._tools}:{python}:$PATH",
            f"export PIP_NO_INDEX=1 PIP_FIND_LINKS={self._wheels} RAY_USAGE_STATS_ENABLED=0",
            "export RAY_memory_monitor_refresh_ms=0",  # it would kill for what others use here
        ]
        if name != HEAD:
            lines.append("export RAY_OVERRIDE_RESOURCES='{\"CPU\": 1}'")  # hosts of one core
        (machine.home / ".bashrc").write_text("\n".join(lines) + "\n")
        _make_environment(machine.home / "radkg-venv", python / "python3")
        return machine

    def fill_in(self, *hosts: str) -> None:
        """Have a checkout on the laptop, with the hosts' addresses in its cluster.yaml."""
        ignore = shutil.ignore_patterns(".git", "__pycache__")
        shutil.copytree(ROOT, self.laptop.home / "radkg", ignore=ignore)
        path = self.laptop.home / "radkg" / "cluster.yaml"
        addresses = ", ".join(self.machines.all[host].address for host in hosts)
        text = path.read_text().replace("HEAD_HOST", self.machines.all[HEAD].address)
        path.write_text(re.sub(r"worker_ips: \[.*?\]", f"worker_ips: [{addresses}]", text))
        key = self.laptop.home / ".ssh" / "id_ed25519"
        key.parent.mkdir(mode=0o700)
        key.write_text("the stand-in of ssh opens every door\n")

    def serve_s3(self) -> dict[str, str]:
        """Start an S3 server with an empty `bucket`; return the variables that lead to it."""
        machine = self.machines.switch_on(SERVICES)
        address = f"http://{machine.address}:{S3_PORT}"
        program = [str(_VENV / "moto_server"), "-H", "0.0.0.0", "-p", str(S3_PORT)]
        machine.start(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        machine.run(
            f'for i in $(seq 60); do {sys.executable} -c "import urllib.request as u; u.urlopen('
            f"u.Request('{address}/bucket', method='PUT'))\" 2>/dev/null && exit 0; sleep 1; done; "
            "exit 1",
            timeout_s=180,
        )
        return {
            "AWS_ENDPOINT_URL": address,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def serve_neo4j(self, folder: Path) -> tuple[str, dict[str, str]]:
        """Start Neo4j beside the S3 server; return its address and the variables of its login."""
        machine = self.machines.all[SERVICES]
        password = secrets.token_urlsafe(16)
        command = ["java", "-Xmx512m", "-cp", f"{neo4j_jars()}/*", str(SOURCES / "Server.java")]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "neo4j.conf").write_text("")  # no further settings
        server = machine.start(
            [*command, str(folder), "7687", "0.0.0.0"],
            env={"NEO4J_PASSWORD": password},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert "ready\n" in iter(server.stdout.readline, ""), "Neo4j did not start"
        login = {"NEO4J_USER": "neo4j", "NEO4J_PASSWORD": password}
        return f"bolt://{machine.address}:7687", login

    def type(self, command: str, timeout_s: float = 600, code: int = 0) -> str:
        """Type a command on the laptop, in the checkout; return what it said."""
        process = self.start(command)
        try:
            said, _ = process.communicate(timeout=timeout_s)
        finally:
            self.laptop.kill(process)
        assert process.returncode == code, f"{command}: {process.returncode}: {said[-6000:]}"
        return str(said)

    def start(self, command: str) -> "subprocess.Popen[Any]":
        """Start a command on the laptop, and go on."""
        return self.laptop.start(
            ["bash", "-c", f"cd ~/radkg && {command}"],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def set(self, **variables: str) -> None:
        """Export variables in the laptop's shell."""
        self._environment |= variables

    def count_nodes(self) -> int:
        """Return how many nodes the cluster has."""
        command = "export RAY_AUTH_MODE=token PATH=~/radkg-venv/bin:$PATH; ray list nodes"
        said = self.machines.all[HEAD].run(f"source ~/.bashrc; {command}", timeout_s=120)
        return said.count("ALIVE")

    def wait_for_nodes(self, number: int, patience_s: float = 300) -> None:
        """Return when the cluster has so many nodes."""
        deadline = time.monotonic() + patience_s
        while (found := self.count_nodes()) < number:
            assert time.monotonic() < deadline, f"{found} nodes of {number}: {self.read_log()}"
            time.sleep(2)

    def read_log(self) -> str:
        """Return what the head's monitor said last, which sets up the workers."""
        folder = self.machines.all[HEAD].home.parent / f"{HEAD}.ray" / "session_latest" / "logs"
        logs = sorted(folder.glob("monitor*"))
        return "\n".join(f"{log.name}: {log.read_text()[-3000:]}" for log in logs)


def read_steps() -> list[str]:
    """Return the commands with which the guide starts a cluster and submits the first job."""
    text = GUIDE.read_text()
    block = text[text.index("## A Ray cluster") :]
    return [line for line in read_blocks_of(block) if line and not line.startswith("#")]


def read_blocks_of(text: str) -> list[str]:
    """Return the lines of the first block of commands."""
    found = re.search(r"^```text\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found
    return found[1].replace("\\\n", "").splitlines()


@contextlib.contextmanager
def launched(*hosts: str) -> Iterator[Launched]:
    """Give a laptop and a head that is on, beside hosts that are off."""
    with tempfile.TemporaryDirectory(prefix="rk") as short, contextlib.ExitStack() as stack:
        folder = Path(short)
        found = stack.enter_context(machines(folder, LAPTOP, HEAD, SERVICES, *hosts))
        tools = stack.enter_context(doors(found, folder))
        cluster = Launched(found, tools, _fetch_builder(folder))
        cluster.switch_on(HEAD)
        cluster.fill_in(*hosts)
        yield cluster


def _fetch_builder(folder: Path) -> Path:
    """Fetch what builds radkg; skip where no registry is."""
    command = [sys.executable, "-m", "pip", "download", "-q", "-d", str(folder / "wheels")]
    done = subprocess.run(
        [*command, "hatchling", "editables"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"pip cannot fetch hatchling, which builds radkg: {done.stderr[-300:]}")
    return folder / "wheels"


def _make_environment(place: Path, python: Path) -> None:
    """Make a virtual environment that holds what this one holds, but radkg."""
    subprocess.run([str(python), "-m", "venv", "--without-pip", str(place)], check=True)
    (site,) = place.glob("lib/python*/site-packages")
    (site / "earlier.pth").write_text(sysconfig.get_path("purelib") + "\n")
    for name, module in (("ray", "ray.scripts.scripts"), ("pip", "pip._internal.cli.main")):
        script = place / "bin" / name
        script.write_text(f"#!{place}/bin/python\nfrom {module} import main\nmain()\n")
        script.chmod(0o755)
