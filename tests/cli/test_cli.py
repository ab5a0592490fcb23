import json
import subprocess
import sys
from typing import get_args

import pytest
import typer
from typer.testing import CliRunner

import radkg
from radkg.cli.app import VERBS, app, run
from radkg.graph.load.writers import PARTITIONS
from radkg.train.presets import PRESETS
from radkg.train.trainer import Parallel, Precision
from tests.support.archives.openi import make_studies, write_tar
from tests.support.runs.demo_run import radkg as run_command


def every_command(group, path=()):
    """Yield each verb, also those below another one, by the words that call it."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from every_command(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


COMMANDS = dict(every_command(typer.main.get_command(app)))


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_flag_has_help(name):
    assert COMMANDS[name].help
    for parameter in COMMANDS[name].params:
        assert parameter.help or parameter.name == "help", f"{name}: {parameter.name}"


def test_verbs_below_a_verb_are_checked_too():
    assert {"review make", "review score", "audit show", "audit verify"} <= set(COMMANDS)


def test_every_verb_stands_in_a_panel():
    listed = [name for verbs in VERBS.values() for name in verbs]
    assert sorted(listed) == sorted({name.split()[0] for name in COMMANDS})


def test_the_version_is_said():
    assert CliRunner().invoke(app, ["--version"]).stdout == f"radkg {radkg.__version__}\n"


def test_choices_are_those_of_the_code():
    """The command line names them itself, for it starts without what defines them."""

    def described(verb, option):
        (found,) = [p for p in COMMANDS[verb].params if p.name == option]
        return found.type_descriptor

    assert set(get_args(described("train", "preset").annotation)) == set(PRESETS)
    assert described("train", "parallel").annotation == Parallel
    assert described("train", "precision").annotation == Precision
    assert described("load", "writers").parameter_info.max == PARTITIONS


def test_help_starts_fast_because_it_loads_no_ray():
    code = "import sys, radkg.cli; print({'ray', 'pyarrow', 'neo4j'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_json_of_the_list_stands_alone():
    done = CliRunner().invoke(app, ["query", "--list", "--json"])
    names = [query["name"] for query in json.loads(done.stdout)]
    assert names == sorted(set(names))


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["extract", "--archive", "/no/such", "--out", "OUT"], 1, "no archive at '/no/such'"),
        (["extract", "--archive", "openi"], 2, "--out"),
        (["extract", "--archive", "openi", "--out", "OUT", "--max-failed", "7"], 2, "[0, 1]"),
        (["extract", "--archive", "openi", "--out", "OUT", "--extractor", "x"], 1, "'x'"),
        (["extract", "--archive", "openi", "--out", "ftp://x"], 1, "s3://bucket/prefix"),
        (["load", "--out", "OUT"], 1, "radkg extract"),
        (["verify", "--out", "OUT"], 1, "radkg extract"),
        (["query", "prevalence", "--out", "OUT"], 1, "radkg load"),
        (["diff", "CURRENT", "CURRENT", "--out", "OUT"], 1, "radkg extract"),
        (["diff", "0123456789abcdef", "CURRENT", "--out", "OUT"], 1, "known: CURRENT"),
        (["diff", "OUT@", "CURRENT", "--out", "OUT"], 2, "DIR@ID"),
        (["diff", "CURRENT", "--out", "OUT"], 2, "Missing argument"),
        (["diff", "CURRENT", "CURRENT", "--out", "OUT", "--gate", "5"], 2, "--gate is a share"),
        (["prune", "--out", "OUT", "--keep", "0"], 2, "at least 1 snapshot"),
        (
            ["plan", "--archive", "openi", "--out", "OUT", "--device", "tpu"],
            2,
            "'tpu' is not one of",
        ),
        (["extract", "--archive", "openi", "--out", "OUT", "--max-memory", "0"], 2, "0 GiB"),
        (["nightly", "--archive", "openi", "--out", "s3://b/x"], 2, "needs a local --out"),
        (["diff", "CURRENT", "CURRENT", "--out", "OUT", "--min-support", "0"], 2, "at least 1"),
        (["query", "--out", "OUT"], 2, "--list"),
        (["query", "x", "--param", "y", "--out", "OUT"], 2, "name=value"),
        (["query", "x", "--cypher", "y", "--out", "OUT"], 2, "or a file with --cypher"),
        (["query", "--cypher", "/no/such", "--out", "OUT"], 2, "cannot read /no/such"),
        (["query", "x", "--errors", "/no/such", "--out", "OUT"], 2, "errors /no/such"),
        (["evaluate", "--target", "codes", "--errors", "x"], 2, "--target copy"),
        (["query", "x", "--graph", "http://x", "--out", "OUT"], 2, "bolt://"),
        (["query", "x", "--graph", "bolt://u:p@localhost", "--out", "OUT"], 2, "NEO4J_PASSWORD"),
        (["query", "x", "--graph", "bolt://10.1.2.3:7687", "--out", "OUT"], 2, "--insecure"),
        (["query", "x", "--graph", "bolt://127.0.0.1:9", "--out", "OUT"], 5, "no graph server"),
        (["export", "f.json", "--out", "OUT"], 1, "radkg extract"),
        (["export", "f.json", "--out", "OUT", "--format", "x"], 2, "radgraph"),
        (["import", "/no/such.json", "--out", "OUT"], 1, "/no/such.json"),
        (["extract", "--archive", "", "--out", "OUT"], 2, "--archive is empty"),
        (["extract", "--archive", "x" * 300, "--out", "OUT"], 1, "File name too long"),
        (["demo", "--graph", "bolt://10.1.2.3:7687", "--out", "OUT"], 2, "--insecure"),
        (["demo", "--out", "s3://x/y"], 2, "local directory"),
        (["demo", "--limit", "0", "--out", "OUT"], 2, "--limit"),
        (["evaluate", "--archive", "/no/such"], 1, "/no/such"),
        (["census", "/no/such"], 1, "no archive at '/no/such'"),
        (["census", "openi", "--images", "/no/such"], 1, "check --images"),
        (["nonsense"], 2, "No such command"),
    ],
)
def test_what_is_wrong_is_said_with_its_exit_code(tmp_path, capfd, arguments, code, message):
    out = str(tmp_path / "out")
    with pytest.raises(SystemExit) as end:
        run(app, [out if a == "OUT" else a for a in arguments])
    said = capfd.readouterr()
    assert end.value.code == code, said.err
    assert message in " ".join(said.err.split())
    assert said.out == ""
    assert not (tmp_path / "out").exists()


@pytest.mark.long
def test_too_many_failures_exit_with_3(tmp_path):
    members = make_studies(5) | {"9.xml": b"<"}
    path = write_tar(tmp_path / "a.tgz", members)
    done = run_command("extract", "--archive", str(path), "--out", str(tmp_path / "out"))
    assert done.returncode == 3
    assert "1 of 6 studies failed" in done.stderr
