"""The pages are run, not read."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from radkg import errors
from tests.support.pages.blocks import PAGES, README, ROOT, read_blocks, read_commands, read_table
from tests.support.pages.schema import PAGE as SCHEMA
from tests.support.pages.schema import TABLES, write_table
from tests.support.pages.verbs import write_page
from tests.support.runs.demo_run import DemoRun, user_environment

DOCS = ROOT / "docs"
PACKAGE, TESTS = ROOT / "radkg", ROOT / "tests"
READMES = [page for folder in (PACKAGE, TESTS) for page in sorted(folder.rglob("README.md"))]
OTHERS = [ROOT / "CONTRIBUTING.md", *READMES]
FIRST = "pip install -e . && radkg demo"
RUN = "radkg extract --archive openi --out radkg-out --limit 200"  # other pages go on from it


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def run_command(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = user_environment(PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    done = subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env=environment | {"COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def extracted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`radkg-out`, as docs/guides/your-own-reports.md makes it."""
    folder = tmp_path_factory.mktemp("extracted")
    run_command(RUN, folder)
    return folder / "radkg-out"


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.ray
@pytest.mark.parametrize("page", [page for page in PAGES if read_commands(page)], ids=name)
def test_every_command_of_a_page_runs(
    page: Path, demo_run: DemoRun, extracted: Path, tmp_path: Path
) -> None:
    """The first command of README has just run, in `demo_run`; .ci/run runs its pip install."""
    commands = [command for command in read_commands(page) if command != FIRST]
    (tmp_path / "radkg-demo").symlink_to(demo_run.out)
    if RUN not in commands and any("--out radkg-out" in command for command in commands):
        shutil.copytree(extracted, tmp_path / "radkg-out")
    for command in commands:
        done = run_command(command, tmp_path)
        assert done.stdout or done.stderr or ">" in command, command


def test_pages_go_on_from_a_run_that_a_page_makes() -> None:
    assert RUN in read_commands(DOCS / "guides" / "your-own-reports.md")


@pytest.mark.long
@pytest.mark.ray
def test_the_readme_shows_what_its_two_commands_print(demo_run: DemoRun, tmp_path: Path) -> None:
    """All but the seconds and the widths of columns."""
    install, query = read_commands(README)
    assert install == FIRST
    (tmp_path / "radkg-demo").symlink_to(demo_run.out)
    shown = read_blocks(README, "text")[0]
    counts = [f"{demo_run.report[key]} {key}" for key in ("entities", "relations", "nodes")]
    for said in (*counts, f"{demo_run.report['studies']} studies read"):
        assert said in shown
    printed = [line.split() for line in run_command(query, tmp_path).stdout.splitlines()]
    expected = [line.split() for line in shown.splitlines() if line.startswith("│")]
    assert expected
    assert all(line in printed for line in expected)


def test_the_readme_is_one_page() -> None:
    text = README.read_text()
    assert len(text.splitlines()) <= 150
    assert len(text.encode()) <= 10_000


def test_ci_installs_as_the_readme_says() -> None:
    ci = (ROOT / ".ci/run").read_text()
    assert "-e ." in ci
    assert "radkg demo --json" in ci
    assert "-e '.[dev]'" in ci
    assert "mkdocs build --strict" in ci  # with --quiet a warning breaks nothing


def test_the_readme_shows_five_lines_of_python_and_what_they_print() -> None:
    (code,) = read_blocks(README, "python")
    assert len(list(filter(None, code.splitlines()))) == 5
    assert run_python(code) == read_blocks(README, "text")[1]


def test_the_python_of_the_first_run_shows_what_is_absent() -> None:
    (code,) = read_blocks(DOCS / "guides" / "first-run.md", "python")
    printed = run_python(code)
    assert "OBS-DA pneumothorax" in printed
    assert "located_at" in printed


def test_python_stands_on_no_other_page() -> None:
    pages = {name(page) for page in PAGES if read_blocks(page, "python")}
    assert pages == {"README.md", "docs/guides/first-run.md"}


def test_the_job_table_is_the_jobs() -> None:
    page = (DOCS / "guides" / "clusters.md").read_text()
    table = dict(re.findall(r"\| `jobs/(\w+\.py)` \| (.*?) \|", page))
    jobs = {path.name: path.read_text() for path in (ROOT / "jobs").glob("*.py")}
    assert table == {name: text.split('"""')[1].split("\n")[0] for name, text in jobs.items()}


def test_the_reference_of_the_verbs_is_the_command_line() -> None:
    """To write it anew: python -m tests.support.pages.verbs > docs/reference/verbs.md."""
    assert (DOCS / "reference" / "verbs.md").read_text() == write_page()


@pytest.mark.parametrize("mark", TABLES)
def test_the_reference_of_the_rows_is_the_schema(mark: str) -> None:
    """To write it anew: python -m tests.support.pages.schema."""
    assert read_table(SCHEMA, mark) == write_table(TABLES[mark])


def test_the_exit_codes_of_the_page_are_those_of_the_errors() -> None:
    page = (DOCS / "guides" / "troubleshooting.md").read_text()
    listed = {int(code) for code in re.findall(r"^\| (\d) \|", page, re.MULTILINE)}
    raised = {
        each.exit_code
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, errors.RadkgError)
    }
    assert listed == raised | {0, 4}  # done, and interrupted


def test_every_decision_stands_in_the_list() -> None:
    folder = DOCS / "decisions"
    listed = re.findall(
        r"^\| (\d+) \| ([\d-]+) \| \[(.*)\]\((.*?)\) \|(.*?)\|?$",
        (folder / "index.md").read_text(),
        re.MULTILINE,
    )
    files = sorted(path.name for path in folder.glob("0*.md"))
    assert [file for _, _, _, file, _ in listed] == files
    for place, (number, date, title, file, state) in enumerate(listed, 1):
        assert int(number) == place == int(file[:4])
        text = (folder / file).read_text()
        assert text.startswith(f"# {number}. {title}\n\nDate: {date}\n"), file
        assert ("Superseded by" in text) == ("superseded" in state), file


@pytest.mark.parametrize("page", [*PAGES, *OTHERS], ids=name)
def test_files_that_a_page_names_exist(page: Path) -> None:
    for named in re.findall(r"`([\w./]+\.(?:py|csv|txt|md|yaml|cypher))`", page.read_text()):
        is_readers_own = page not in OTHERS and re.fullmatch(r"\w+\.(csv|txt)", named)
        if is_readers_own or "NAME" in named or "NNN" in named:  # or still to be written
            continue
        places = (page.parent / named, ROOT / named)
        below = [] if ".." in named else [p for each in (PACKAGE, TESTS) for p in each.rglob(named)]
        assert below or any(place.exists() for place in places), named


# Decisions are left out: they name functions that were dropped.
@pytest.mark.parametrize(
    "page", [p for p in (*PAGES, *OTHERS) if p.parent.name != "decisions"], ids=name
)
def test_functions_and_classes_that_a_page_names_exist(page: Path) -> None:
    folders = (PACKAGE, TESTS, ROOT / "jobs")
    words = {
        word
        for folder in folders
        for path in folder.rglob("*.py")
        for word in re.findall(r"\w+", path.read_text())
    }
    for named in re.findall(r"`(\w+_\w+|[A-Z]\w*[a-z]\w*[A-Z]\w*)(?:\(\))?`", page.read_text()):
        assert named in words or named.isupper(), named


@pytest.mark.parametrize("page", [README, *OTHERS], ids=name)
def test_links_of_a_page_outside_of_docs_lead_somewhere(page: Path) -> None:
    """Links inside docs/ are checked by `mkdocs build --strict`."""
    for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
        assert "://" in target or (page.parent / target).exists(), target


@pytest.mark.parametrize("walk", ["archive format", "named query", "export format", "model"])
def test_a_walk_stands_in_contributing(walk: str) -> None:
    """From the first page to the place: README names CONTRIBUTING, which names the files."""
    assert "CONTRIBUTING.md" in README.read_text()
    assert re.search(rf"^### An? {walk}\n\n1\. ", (ROOT / "CONTRIBUTING.md").read_text(), re.M)


def test_an_archive_format_is_found_in_a_minute() -> None:
    contributing = (ROOT / "CONTRIBUTING.md").read_text()
    assert "radkg/archive/README.md" in contributing
    assert "FORMATS" in contributing
    assert "FORMATS = " in (ROOT / "radkg/archive/__init__.py").read_text()


def test_the_import_rule_of_the_architecture_is_the_contract() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]
    rule = re.search(r"```\n(cli -> .*?)```", (ROOT / "radkg/README.md").read_text(), re.DOTALL)
    assert rule
    written = [floor.split(",") for floor in rule[1].replace("\n", " ").split("->")]
    expected = [layer.split("|") for layer in layers]
    assert [sorted(map(str.strip, floor)) for floor in written] == [
        sorted(map(str.strip, floor)) for floor in expected
    ]


def test_every_package_stands_in_the_architecture() -> None:
    page = (ROOT / "radkg/README.md").read_text()
    for path in (ROOT / "radkg").iterdir():
        if path.is_dir() and not path.name.startswith("_"):
            assert f"`{path.name}/`" in page, path.name
    assert len(page.splitlines()) <= 100
