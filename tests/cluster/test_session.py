"""Ray that is started, joined, or does not start; what is said in one line, with exit code 5."""

import json
import stat
import subprocess
import sys

import pytest
import ray

from radkg.cli.app import app, run
from radkg.cluster.loopback import hide_token
from radkg.cluster.nodes import check_nodes, list_needed
from radkg.cluster.runner import RayRunner
from radkg.errors import ClusterError
from radkg.run.settings import ExtractConfig
from radkg.verbs.extract import extract
from tests.support.archives.openi import make_studies, write_tar
from tests.support.pages.blocks import ROOT
from tests.support.ray.absent import hide_radkg
from tests.support.ray.hosts import hosts
from tests.support.runs import EXTRACTORS
from tests.support.runs.demo_run import RADKG, user_environment

WORDS = f"{EXTRACTORS}:words"


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """An archive, on a machine whose Ray is too slow to start."""

    def init(**options):
        raise Exception("The current node timed out during startup.\nThis could happen because ...")

    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", init)
    return str(write_tar(tmp_path / "a.tgz", make_studies(8)))


def test_the_error_is_one_line_that_says_what_to_do(archive, tmp_path):
    config = ExtractConfig(archive=archive, out=str(tmp_path / "out"), extractor=WORDS)
    with pytest.raises(ClusterError) as raised:
        extract(config, RayRunner())
    assert str(raised.value) == (
        "cannot start Ray on this machine: The current node timed out during startup. This could "
        "happen because ...: run the same command when the machine is less busy, or extract with "
        "--runner local"
    )


def test_every_verb_ends_with_5(archive, tmp_path, capfd):
    new = ["--archive", archive, "--extractor", WORDS, "--out", str(tmp_path / "new")]
    verbs = [
        ["extract", *new, "--runner", "ray"],
        ["nightly", *new, "--runner", "ray"],
        ["demo", *new, "--runner", "ray"],
        ["train", "--archive", archive, "--preset", "onepass", "--out", str(tmp_path / "train")],
    ]
    for arguments in verbs:
        with pytest.raises(SystemExit) as end:
            run(app, arguments)
        said = capfd.readouterr().err
        assert end.value.code == 5, said
        (line,) = [line for line in said.splitlines() if line.startswith("error: ")]
        assert "cannot start Ray on this machine" in line
        assert "Traceback" not in said


OWN = """
import json, psutil
from radkg.cluster.session import join_ray
with join_ray():
    import ray
    address = ray.util.get_node_ip_address()
    own = [psutil.Process(), *psutil.Process().children(recursive=True)]
    sockets = [one for process in own for one in process.net_connections("inet")]
    listening = {one.laddr.ip for one in sockets if one.status == "LISTEN"}
    print(json.dumps([address, sorted(listening)]))
"""


@pytest.mark.ray
def test_a_ray_of_this_machine_listens_on_loopback_and_hides_its_token(tmp_path):
    token = tmp_path / ".ray" / "auth_token"
    token.parent.mkdir()
    token.write_text("0" * 64)
    token.chmod(0o644)  # as Ray leaves it
    environment = user_environment(HOME=str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", OWN], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    address, listening = json.loads(done.stdout.splitlines()[-1])
    assert address == "127.0.0.1"
    assert listening
    assert set(listening) <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"}
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    assert token.read_text() == "0" * 64


def test_a_token_that_is_not_there_is_written_for_this_user_alone(tmp_path, monkeypatch):
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    hide_token()
    (token,) = (tmp_path / "home" / ".ray").iterdir()
    assert token.name == "auth_token"
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    assert len(token.read_text()) == 64
    first = token.read_text()
    hide_token()
    assert token.read_text() == first
    monkeypatch.setenv("HOME", "/proc/nowhere")
    with pytest.raises(ClusterError, match=r"cannot keep Ray's token in /proc/nowhere.*set HOME"):
        hide_token()


@pytest.mark.ray
def test_a_node_that_lacks_something_is_named_with_what_to_install(ray_session):
    assert "torch" in list_needed()
    check_nodes()
    address = ray.util.get_node_ip_address()
    with pytest.raises(ClusterError) as raised:
        check_nodes(["pyarrow", "no-such-package"])
    assert str(raised.value) == (
        f"node {address} has no no-such-package: install radkg 0.1.0 there as on this one (`pip "
        "install -c constraints.txt -e .` in a checkout), then run the same command again"
    )


@pytest.mark.ray
@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_host_without_radkg_ends_a_run_at_once_with_one_line(tmp_path):
    archive = str(write_tar(tmp_path / "a.tgz", make_studies(8)))
    with hosts(2, head_cpus=0, off=1) as found:
        found.start(1, PYTHONPATH=hide_radkg(tmp_path))
        command = [RADKG, "extract", "--runner", "ray", "--archive", archive, "--extractor", WORDS]
        done = subprocess.run(
            [*found.enter, *command, "--out", str(tmp_path / "out")],
            env=user_environment(RAY_ADDRESS=found.address, PYTHONPATH=str(ROOT)),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        address = found.get_address(1)
    assert done.returncode == 5, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if "radkg 0" in line]
    assert line.startswith(f"error: node {address} has no radkg: install radkg 0.1.0 there")
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("out/journal/*/*"))
