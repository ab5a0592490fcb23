"""Ray that does not start: exit code 5 and one line that says what to do, in every verb."""

import pytest
import ray

from radkg.cli.app import app, run
from radkg.cluster.runner import RayRunner
from radkg.errors import ClusterError
from radkg.run.settings import ExtractConfig
from radkg.verbs.extract import extract
from tests.support.archives.openi import make_studies, write_tar
from tests.support.runs import EXTRACTORS

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
