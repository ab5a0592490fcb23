"""R2GenKG by `radkg train`, as a user runs it."""

import json

import pytest
from typer.testing import CliRunner

from radkg.cli.app import app
from radkg.errors import ConfigError
from radkg.reporter.loading import load_reporter

pytestmark = [pytest.mark.ray, pytest.mark.long]


def test_the_smoke_preset_ends_with_a_reporter(ray_session, place, tmp_path):
    flags = ["--archive", str(place.archive), "--images", str(place.images), "--limit", "16"]
    flags += ["--knowledge", str(place.knowledge), "--out", str(tmp_path / "out")]
    command = ["train", "--preset", "r2genkg-smoke", "--steps", "2", *flags]
    done = CliRunner().invoke(app, [*command, "--set", "v2kg=false", "--json"])
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert [(line["stage"], line["step"]) for line in report["stages"]] == [("report", 2)]
    assert load_reporter(report["model"]).name == "r2genkg"
    settings = json.loads((tmp_path / "out" / "config.json").read_text())["settings"]
    assert settings == {"v2kg": False}
    again = CliRunner().invoke(app, [*command, "--set", "v2kg=true"])
    assert isinstance(again.exception, ConfigError)
    assert "another settings" in str(again.exception)
