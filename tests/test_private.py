"""What radkg writes is for its owner alone, whatever the umask, unless a group shares the place."""

from __future__ import annotations

import ast
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

import radkg
from radkg.cli.app import app, run
from radkg.private import make_directory, open_new, open_private, write_text
from radkg.storage import LocalStorage

UMASKS = [0o000, 0o022]
# The user's own files: a README between whose marks a table is written, bytes into a stream.
ALLOWED = {"private.py", "experiments/table.py", "graph/engine/embedded.py"}
WRITING = {"mkdir", "makedirs", "write_text", "write_bytes"}


@pytest.fixture(params=UMASKS, ids=oct)
def umask(request) -> Iterator[int]:
    """Set the umask of a careless user."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def find_open(root: Path) -> dict[str, str]:
    """Return what others than the owner can get at, with its mode."""
    return {
        str(path.relative_to(root)): oct(path.stat().st_mode & 0o777)
        for path in [root, *root.rglob("*")]
        if not path.is_symlink() and path.stat().st_mode & 0o077
    }


def test_files_and_directories_are_the_owners(tmp_path, umask):
    storage = LocalStorage(tmp_path / "a" / "b")
    storage.write("c/d", b"x")
    assert storage.create("c/e", b"x")
    make_directory(tmp_path / "f" / "g")
    with open_new(tmp_path / "f" / "h") as file:
        file.write(b"x")
    careless = tmp_path / "f" / "i"
    careless.write_text("x")
    careless.chmod(0o644)
    write_text(careless, "y")
    with open_private(tmp_path / "f" / "j", "a") as file:
        file.write("x")
    tmp_path.chmod(0o700)
    assert not find_open(tmp_path)


def test_a_directory_that_stands_keeps_its_mode_and_is_no_excuse(tmp_path, umask):
    out = tmp_path / "out"
    out.mkdir(mode=0o777)
    before = out.stat().st_mode
    LocalStorage(out).write("a/b", b"x")
    assert out.stat().st_mode == before
    assert not find_open(out / "a")


@pytest.mark.parametrize(("mode", "file"), [(0o2770, 0o660), (0o2750, 0o640), (0o2777, 0o660)])
def test_a_group_shares_what_stands_in_its_directory(tmp_path, umask, mode, file):
    out = tmp_path / "out"
    out.mkdir()
    out.chmod(mode)
    LocalStorage(out).write("a/b/c", b"x")
    made = [out / "a", out / "a" / "b", out / "a" / "b" / "c"]
    share = stat.S_ISGID | 0o700 | mode & 0o070
    assert [stat.S_IMODE(path.stat().st_mode) for path in made] == [share, share, file]


def test_a_name_that_is_taken_by_a_file_is_no_directory(tmp_path):
    (tmp_path / "a").write_text("x")
    for path in (tmp_path / "a", tmp_path / "a" / "b", Path("/proc/none/b"), Path("/dev/null/b")):
        with pytest.raises(OSError, match=r"File exists|Not a directory|No such file"):
            make_directory(path)


def radkg_does(*arguments: object) -> None:
    with pytest.raises(SystemExit) as end:
        run(app, [str(argument) for argument in arguments])
    assert not end.value.code


def test_all_that_a_run_writes_is_the_owners(tmp_path, umask, monkeypatch, capfd):
    """Extraction with workers, graph, a night, exports, sheets, knowledge, caches."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/dev/null/home")  # nobody can write there
    for name in ("XDG_CACHE_HOME", "TMPDIR"):
        (tmp_path / name).mkdir(mode=0o700)
        monkeypatch.setenv(name, str(tmp_path / name))
    (tmp_path / "a.csv").write_text(
        "study_id,subject_id,report\n"
        + "".join(f"s{i},p{i},Small left effusion. No pneumothorax.\n" for i in range(3))
        + "s9,p9,\n"
    )
    made = tmp_path / "made"
    made.mkdir(mode=0o777)  # a directory of the user's
    out = ("--out", made / "run")
    archive = ("--archive", "a.csv", "--extractor", "rules", "--runner", "local", *out)
    radkg_does("extract", *archive, "--workers", 1, "--max-failed", 1)
    radkg_does("plan", *archive[:4], *out)
    known = {"snapshot", "journal", "audit", "config.json"}
    if not umask:  # the graph once: it takes seconds
        known |= {"graph", "knowledge"}
        radkg_does("nightly", *archive, "--workers", 0, "--max-failed", 1, "--knowledge")
    radkg_does("review", "make", made / "s.html", *out, "--studies", 1)
    radkg_does("review", "make", made / "s.csv", *out, "--studies", 1)
    for kind in ("radgraph", "fhir", "tables", "omop", "graphml"):
        radkg_does("export", made / kind, *out, "--format", kind)
    users = {".", "a.csv", "made"}
    assert set(find_open(tmp_path)) - users == set()
    written = {path.relative_to(made / "run").parts[0] for path in (made / "run").iterdir()}
    assert known <= written
    radkg_does("retract", *out, "--study", "s1")  # it removes the knowledge graph
    assert set(find_open(tmp_path)) - users == set()
    assert (made / "run" / "retracted").is_dir()


def test_radkg_makes_files_in_one_place():
    """By radkg.private or radkg.storage: what opens or makes elsewhere would follow the umask."""
    root = Path(radkg.__file__).parent
    found = set()
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            given = {a.value for a in node.args if isinstance(a, ast.Constant)}
            opens = node.func.attr == "open" and given & {"w", "wb", "a", "ab", "x", "xb"}
            if opens or node.func.attr in WRITING:
                found.add(path.relative_to(root).as_posix())
    assert found <= ALLOWED
