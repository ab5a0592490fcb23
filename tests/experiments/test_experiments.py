"""Every experiment from archive to table, in seconds; its figures are checked elsewhere."""

import csv
import json
import re
from pathlib import Path

import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from radkg.cli.app import app
from radkg.errors import ConfigError
from radkg.experiments import EXPERIMENTS, run
from radkg.experiments.transfer import read_header_writers

OWN = {
    "projector": {"prefix_length": 2},
    "prefix": {"clip_lengths": (1, 2), "prefix_lengths": (1,)},
    "prompts": {"starts": ("fresh",)},
    "medkit": {"seeds": 1, "side": 32, "vocab_size": 400, "volumes": 4, "max_new_tokens": 8},
}
ROWS = {
    "conditions": [
        ("floor", "constant"),
        ("floor", "majority"),
        *(
            (weights, condition)
            for weights in ("same weights", "retrained")
            for condition in (
                "report",
                "image",
                "image, shuffled image",
                "image+report",
                "image+report, shuffled image",
            )
        ),
    ],
    "prefix": [
        ("floor", "constant"),
        ("floor", "majority"),
        ("k = 1", "n = 1"),
        ("k = 2", "n = 1"),
    ],
    "prompts": [
        ("floor", "constant"),
        ("floor", "majority"),
        ("fresh start", "report, sentence prompts"),
        ("fresh start", "report, report prompts"),
        ("fresh start", "image+report, sentence prompts"),
        ("fresh start", "image+report, report prompts"),
    ],
}


@pytest.mark.parametrize("name", ["conditions", "projector", "prefix", "prompts"])
def test_an_experiment_writes_its_table_and_its_plot(settings, name):
    table, files = run(name, settings(), OWN.get(name))
    data, text, image = files
    rows = list(csv.DictReader(data.open()))
    assert len(rows) == len(table.rows)
    if name in ROWS:
        assert [(row["group"], row["row"]) for row in rows] == ROWS[name]
    for row in rows:
        assert 0 <= float(row["triplet F1 low"]) <= float(row["triplet F1"])
        assert float(row["triplet F1"]) <= float(row["triplet F1 high"]) <= 1
        assert row["group"] == "floor" or int(row["steps"]) >= 2
    markdown = text.read_text()
    assert "16 studies of the test split" in markdown
    assert "seed 0" in markdown
    with Image.open(image) as plot:
        assert plot.width > 800


def test_the_variants_of_medkit_are_compared_with_their_base_and_with_a_floor(settings):
    table, (data, text, _) = run("medkit", settings(steps=1, limit=8), OWN["medkit"])
    assert [(row.group, row.name) for row in table.rows] == [
        ("floor", "commonest"),
        ("base", "labels and report"),
        ("student", "all terms"),
        ("student", "all terms, shuffled images"),
        ("student", "no teacher"),
        ("student", "and feature maps"),
        ("student", "no knowledge"),
        ("student", "no label loss"),
        ("volumes", "2D: the mean over the slices"),
        ("volumes", "2D slice by slice"),
        ("volumes", "inflated to 3D"),
    ]
    for row in csv.DictReader(data.open()):
        assert 0 <= float(row["labels AUROC low"]) <= float(row["labels AUROC"]) <= 1
        assert row["group"] == "floor" or row["seeds"] == "1"
    assert "1 steps of 256 tokens a stage, bf16, 1 seed(s)" in text.read_text()


def test_an_experiment_is_the_same_for_the_same_seed(settings, tmp_path):
    def shown(out: Path) -> list[dict[str, str]]:
        run("prefix", settings(out=str(out), limit=12), OWN["prefix"])
        rows = list(csv.DictReader((out / "prefix.csv").open()))
        return [{k: v for k, v in row.items() if "seconds" not in k} for row in rows]

    assert shown(tmp_path / "a") == shown(tmp_path / "b")


def test_minutes_are_turned_into_steps(settings):
    table, _ = run("prefix", settings(minutes=0.01), OWN["prefix"])
    steps = {row.notes["steps"] for row in table.rows if row.group != "floor"}
    assert len(steps) == 1
    assert steps.pop() >= 1


def test_another_institutions_file_is_trained_on_and_tested_on(settings, tmp_path):
    documents = {
        f"d{number}": {
            "text": f"Small effusion number {number} .",
            "entities": {
                "1": {
                    "tokens": "Small",
                    "label": "OBS-DP",
                    "start_ix": 0,
                    "end_ix": 0,
                    "relations": [["modify", "2"]],
                },
                "2": {
                    "tokens": "effusion",
                    "label": "OBS-DP",
                    "start_ix": 1,
                    "end_ix": 1,
                    "relations": [],
                },
            },
        }
        for number in range(40)
    }
    (tmp_path / "one.json").write_text(json.dumps(documents))
    table, _ = run("transfer", settings(other=str(tmp_path)))
    assert [(row.group, row.name) for row in table.rows] == [
        ("tested on Open-i", "rules"),
        ("tested on the other file", "rules"),
        ("tested on Open-i", "trained on Open-i"),
        ("tested on the other file", "trained on Open-i"),
        ("tested on Open-i", "trained on the other file"),
        ("tested on the other file", "trained on the other file"),
    ]
    rules = table.rows[0].figures["triplet F1, copy"]
    assert rules is not None
    assert 0.7 < rules.value < 1  # Open-i's side is annotated, and no training changes the rules


def test_open_i_is_split_by_whose_software_wrote_the_headers():
    writers = read_header_writers("openi")
    alone = [next(iter(names)) for names in writers.values() if len(names) == 1]
    assert alone.count("Agfa") > 2000
    assert alone.count("Siemens") > 1200


@pytest.mark.parametrize(
    ("name", "changes", "own", "message"),
    [
        ("alchemy", {}, {}, "conditions, projector"),
        ("conditions", {"images": None}, {}, "--images"),
        ("medkit", {"images": None}, {}, "--images"),
        ("medkit", {}, {"seeds": 0}, "seeds 0"),
        ("prefix", {}, {"lengths": 3}, "clip_lengths"),
        ("transfer", {}, {}, "no DICOM metadata"),
        ("transfer", {"other": "EMPTY"}, {}, "RadGraph JSON"),
    ],
)
def test_what_cannot_be_run_is_said(settings, tmp_path, name, changes, own, message):
    if "other" in changes:
        changes = {"other": str(tmp_path)}
    with pytest.raises(ConfigError, match=message):
        run(name, settings(**changes), own)


@pytest.mark.parametrize("wrong", [{"split": "train"}, {"steps": 0}, {"out": "s3://bucket/x"}])
def test_a_wrong_setting_is_refused(settings, wrong):
    with pytest.raises(ConfigError):
        settings(**wrong)


def test_the_command_writes_the_table_into_a_readme(settings, tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- experiment:prefix -->\n<!-- /experiment:prefix -->\nafter\n")
    config = settings()
    flags = ["--archive", config.archive, "--images", config.images, "--model", config.model]
    flags += ["--out", config.out, "--limit", "12", "--steps", "1", "--readme", str(readme)]
    done = CliRunner().invoke(
        app, ["experiment", "prefix", *flags, "--set", "clip_lengths=[1]", "--set", "layers=1"]
    )
    assert done.exit_code == 0, done.output
    assert "k = 1" in readme.read_text()
    assert "of the held-out tenth" in readme.read_text()


def test_a_list_that_is_no_json_is_refused(tmp_path):
    for wrong in ("arms=['full']", "arms=[full"):
        flags = ["--out", str(tmp_path), "--set", wrong]
        done = CliRunner().invoke(app, ["experiment", "r2genkg", *flags])
        assert isinstance(done.exception, ConfigError)
        assert 'write a list as ["a","b"]' in str(done.exception)


def test_the_names_in_the_help_are_the_experiments():
    command = typer.main.get_command(app).commands["experiment"]  # type: ignore[attr-defined]
    (name,) = (p for p in command.params if p.name == "name")
    listed = name.help.removeprefix("Experiment: ").replace(" or ", " ")
    assert re.findall(r"\w+", listed) == [each.name for each in EXPERIMENTS]
