"""The README is run, not read."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.runs.demo_run import DemoRun, user_environment

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
COMMANDS = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines()]
FIRST = "pip install -e . && radkg demo"


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.ray
def test_every_command_of_the_readme_runs(demo_run: DemoRun, tmp_path: Path):
    """The first one has just run, in `demo_run`; .ci/run runs it with its pip install."""
    assert COMMANDS[0] == FIRST
    (tmp_path / "radkg-demo").symlink_to(demo_run.out)
    environment = user_environment(PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    for command in COMMANDS[1:]:
        done = subprocess.run(
            command,
            shell=True,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        assert done.stdout or done.stderr, command


def test_ci_installs_as_the_readme_says():
    ci = (ROOT / ".ci/run").read_text()
    assert "-e ." in ci
    assert "radkg demo --json" in ci
    assert "-e '.[dev]'" in ci


def test_the_python_of_the_readme_runs():
    (code,) = (text for kind, text in BLOCKS if kind == "python")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "OBS-DA pneumothorax" in done.stdout
    assert "located_at" in done.stdout


def test_the_job_table_is_the_jobs():
    table = dict(re.findall(r"\| `jobs/(\w+\.py)` \| (.*?) \|", README))
    jobs = {path.name: path.read_text() for path in (ROOT / "jobs").glob("*.py")}
    assert table == {name: text.split('"""')[1].split("\n")[0] for name, text in jobs.items()}


@pytest.mark.parametrize("page", ["README.md", "radkg/README.md", "radkg/archive/README.md"])
def test_files_that_a_page_names_exist(page):
    text = (ROOT / page).read_text()
    for name in re.findall(r"`([\w./]+\.(?:py|csv|txt|md|yaml|cypher))`", text):
        places = (ROOT / name, ROOT / "radkg" / name, (ROOT / page).parent / name)
        assert any(place.exists() for place in places) or name in ("__init__.py",), name


def test_an_archive_format_is_found_in_a_minute():
    """From the first page to the place: README names the guide, the guide names door and class."""
    assert "radkg/archive/README.md" in README
    guide = (ROOT / "radkg/archive/README.md").read_text()
    assert "FORMATS" in guide
    assert "FORMATS = " in (ROOT / "radkg/archive/__init__.py").read_text()


def test_every_package_stands_in_the_architecture():
    page = (ROOT / "radkg/README.md").read_text()
    for path in (ROOT / "radkg").iterdir():
        if path.is_dir() and not path.name.startswith("_"):
            assert f"`{path.name}/`" in page, path.name
